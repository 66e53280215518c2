#!/bin/sh
# Make the Go module's code of protos/ again, here or in the folder given, with the two plugins at the versions below
# from the Go module proxy.
set -eu
cd "$(dirname "$0")"
root=../../..
out=${1:-.}
python=${PYTHON:-$root/.venv/bin/python}
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
GOBIN=$bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.10
GOBIN=$bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1
google=$("$python" -c 'import grpc_tools, pathlib; print(pathlib.Path(grpc_tools.__file__).parent / "_proto")')
PATH=$bin:$PATH "$python" -m grpc_tools.protoc -I "$root/protos" -I "$google" \
  --go_out="$out" --go_opt=module=collatio.dev/gen/go --go-grpc_out="$out" --go-grpc_opt=module=collatio.dev/gen/go \
  "$root"/protos/collatio/v1/*.proto
