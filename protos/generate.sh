#!/bin/sh
# Make the Python bindings of protos/ in the folder given (the clone itself, or a scratch one to look for drift).
set -eu
out=${1:?usage: protos/generate.sh OUT_DIR}
here=$(dirname "$0")
google=$(python -c 'import grpc_tools, pathlib; print(pathlib.Path(grpc_tools.__file__).parent / "_proto")')
python -m grpc_tools.protoc -I "$here" -I "$google" \
  --python_out="$out" --grpc_python_out="$out" --mypy_out="quiet:$out" --mypy_grpc_out="quiet:$out" \
  --descriptor_set_out="$out/collatio/v1/descriptors.binpb" --include_source_info --include_imports \
  "$here"/collatio/v1/*.proto
