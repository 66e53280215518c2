"""Server reflection, v1 and v1alpha, with the comments of the protos.

Python's generated bindings drop comments, so the answers come from a descriptor set that keeps them
(`collatio/v1/descriptors.binpb`). The two versions share their messages on the wire; one servicer answers both.
Source: grpc/proposal A-reflection, `grpc.reflection.v1.ServerReflection`.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2
from grpc_channelz.v1 import channelz_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

V1 = "grpc.reflection.v1.ServerReflection"
V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"


class Catalogue:
    """Files by name, and the file that defines each symbol."""

    def __init__(self, files: Iterable[descriptor_pb2.FileDescriptorProto]) -> None:
        self._files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        self._symbols: dict[str, str] = {}
        for file in files:
            self._files.setdefault(file.name, file)
            for symbol in _symbols(file):
                self._symbols.setdefault(symbol, file.name)

    def file(self, name: str) -> list[bytes] | None:
        """Return a file and all it imports, serialized; None if it is unknown."""
        if name not in self._files:
            return None
        found: dict[str, bytes] = {}
        queue = [name]
        while queue:
            current = queue.pop(0)
            if current not in found and current in self._files:
                found[current] = self._files[current].SerializeToString()
                queue += self._files[current].dependency
        return list(found.values())

    def symbol(self, name: str) -> list[bytes] | None:
        """Return the file that defines a symbol, and all it imports."""
        file = self._symbols.get(name)
        return None if file is None else self.file(file)


def _symbols(file: descriptor_pb2.FileDescriptorProto) -> Iterable[str]:
    prefix = f"{file.package}." if file.package else ""
    for service in file.service:
        yield prefix + service.name
        yield from (f"{prefix}{service.name}.{method.name}" for method in service.method)
    for enum in file.enum_type:
        yield prefix + enum.name
    for message in file.message_type:
        yield from _message_symbols(prefix, message)


def _message_symbols(prefix: str, message: descriptor_pb2.DescriptorProto) -> Iterable[str]:
    name = prefix + message.name
    yield name
    yield from (f"{name}.{field.name}" for field in message.field)
    yield from (f"{name}.{enum.name}" for enum in message.enum_type)
    for nested in message.nested_type:
        yield from _message_symbols(f"{name}.", nested)


def load_catalogue() -> Catalogue:
    """Load collatio's own files with their comments, and those of health, channelz and reflection."""
    data = (resources.files("collatio.v1") / "descriptors.binpb").read_bytes()
    own = descriptor_pb2.FileDescriptorSet.FromString(data)
    files = (
        health_pb2,
        channelz_pb2,
        reflection_pb2,
        error_details_pb2,
    )  # the last: what errors carry as Any
    known = [module.DESCRIPTOR for module in files]
    return Catalogue([*own.file, *(_as_proto(file) for file in _with_imports(known))])


def _with_imports(files: Sequence[Any]) -> Iterable[Any]:
    for file in files:
        yield file
        yield from _with_imports(file.dependencies)


def _as_proto(file: Any) -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)


class Reflection:
    """Answers reflection requests about the services it is given."""

    def __init__(self, catalogue: Catalogue, services: Sequence[str]) -> None:
        self._catalogue = catalogue
        self._services = sorted(services)

    async def info(
        self, requests: AsyncIterator[reflection_pb2.ServerReflectionRequest], _: Any
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        """Answer each request of the stream."""
        async for request in requests:
            response = self._answer(request)
            response.valid_host = request.host
            response.original_request.CopyFrom(request)
            yield response

    def _answer(
        self, request: reflection_pb2.ServerReflectionRequest
    ) -> reflection_pb2.ServerReflectionResponse:
        kind = request.WhichOneof("message_request")
        if kind == "list_services":
            listed = [reflection_pb2.ServiceResponse(name=name) for name in self._services]
            return reflection_pb2.ServerReflectionResponse(
                list_services_response=reflection_pb2.ListServiceResponse(service=listed)
            )
        files = None
        if kind == "file_by_filename":
            files = self._catalogue.file(request.file_by_filename)
        elif kind == "file_containing_symbol":
            files = self._catalogue.symbol(request.file_containing_symbol)
        elif kind == "all_extension_numbers_of_type":
            # Nothing here is extended, and grpcurl shows an error's details only after it was told so.
            extended = request.all_extension_numbers_of_type
            if self._catalogue.symbol(extended) is not None:
                return reflection_pb2.ServerReflectionResponse(
                    all_extension_numbers_response=reflection_pb2.ExtensionNumberResponse(
                        base_type_name=extended
                    )
                )
        if files is None:
            return reflection_pb2.ServerReflectionResponse(
                error_response=reflection_pb2.ErrorResponse(
                    error_code=grpc.StatusCode.NOT_FOUND.value[0], error_message="not known here"
                )
            )
        return reflection_pb2.ServerReflectionResponse(
            file_descriptor_response=reflection_pb2.FileDescriptorResponse(file_descriptor_proto=files)
        )

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register under both versions' names."""
        handler = grpc.stream_stream_rpc_method_handler(
            self.info,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        generic = [
            grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})
            for name in (V1, V1ALPHA)
        ]
        server.add_generic_rpc_handlers(tuple(generic))
