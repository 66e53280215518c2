"""What client and server spans of an RPC have in common: names, attributes, which status is an error.

Semantic conventions rpc/grpc: the span's name and `rpc.method` are the full method without its leading slash; a
CLIENT span is ERROR for every code but OK, a SERVER span only where the server is at fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from opentelemetry.trace import Status, StatusCode

from collatio.runtime.telemetry.names import (
    ERROR_TYPE,
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    RPC_STATUS_CODE,
    RPC_SYSTEM_NAME,
    SERVER_ADDRESS,
    SERVER_PORT,
)

if TYPE_CHECKING:
    from opentelemetry.trace import Span

EXEMPT_SERVICES = ("grpc.health.", "grpc.reflection.", "grpc.channelz.")
"""Calls that make no spans: probes and tools ask all the time and belong to no job."""

SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


def method_name(full_method: str | bytes) -> str:
    """Give `package.Service/Method` for `/package.Service/Method`."""
    text = full_method.decode("ascii", "replace") if isinstance(full_method, bytes) else full_method
    return text.removeprefix("/")


def is_exempt(method: str) -> bool:
    """Tell whether a call is a probe or a tool's."""
    return method.startswith(EXEMPT_SERVICES)


def call_attributes(method: str, address: str, port: int | None) -> dict[str, str | int]:
    """Give the attributes known when a call starts; the address is left out where it is unknown."""
    attributes: dict[str, str | int] = {RPC_SYSTEM_NAME: "grpc", RPC_METHOD: method}
    if address:
        attributes[SERVER_ADDRESS] = address
    if port is not None:
        attributes[SERVER_PORT] = port
    return attributes


def record_status(span: Span, code: grpc.StatusCode, error: str | None) -> None:
    """Write how a call ended; `error` is its `error.type`, and None where it did not fail."""
    span.set_attribute(RPC_RESPONSE_STATUS_CODE, code.name)
    span.set_attribute(RPC_STATUS_CODE, code.name)
    if error is not None:
        span.set_attribute(ERROR_TYPE, error)
        span.set_status(Status(StatusCode.ERROR, code.name))


def split_target(target: str) -> tuple[str, int | None]:
    """Read host and port from a gRPC target (`dns:///host:1`, `ipv4:10.0.0.1:1`, `unix:/path`, `[::1]:1`).

    Of several addresses the first is given: it stands for the group.
    """
    scheme, colon, rest = target.partition(":")
    if colon and scheme in {"dns", "ipv4", "ipv6", "unix", "unix-abstract", "xds"}:
        if scheme.startswith("unix"):
            return rest.removeprefix("//"), None
        rest = rest.rpartition("/")[2] if rest.startswith("//") else rest
    else:
        rest = target
    host, colon, port = rest.split(",")[0].rpartition(":")
    if not colon or not port.isdigit():
        host, port = rest.split(",")[0], ""
    return host.strip("[]"), int(port) if port else None
