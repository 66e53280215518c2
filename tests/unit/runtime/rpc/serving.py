"""A server of the runtime's own kind around a service of a test's own, and who calls it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.wrappers_pb2 import StringValue

from collatio.runtime.rpc.guard import MethodLimits
from collatio.runtime.rpc.server import Server, ServerPlan, Service
from collatio.runtime.telemetry.provider import Telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

SERVICE = "test.Echo"
LISTEN = "127.0.0.1:0"


async def ready() -> bool:
    """Be ready."""
    return True


def echo_service(methods: Mapping[str, Any]) -> Service:
    """Make a service of methods that take and give StringValues: by their shape, unary or streaming."""
    kinds = {
        "unary": grpc.unary_unary_rpc_method_handler,
        "down": grpc.unary_stream_rpc_method_handler,
        "up": grpc.stream_unary_rpc_method_handler,
        "both": grpc.stream_stream_rpc_method_handler,
    }
    handlers = {
        name: kinds[kind](behaviour, StringValue.FromString, StringValue.SerializeToString)
        for name, (kind, behaviour) in methods.items()
    }
    generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
    return Service(SERVICE, lambda server: server.add_generic_rpc_handlers((generic,)))


def plan_of(methods: Mapping[str, Any], **changes: Any) -> ServerPlan:
    """Make a plan that drains at once."""
    fields: dict[str, Any] = {
        "listen": LISTEN,
        "services": [echo_service(methods)],
        "ready": ready,
        "limits": MethodLimits(),
        "drain_s": 0.0,
        "grace_s": 0.0,
    }
    return ServerPlan(**(fields | changes))


@asynccontextmanager
async def running(plan: ServerPlan) -> AsyncIterator[tuple[Server, grpc.aio.Channel]]:
    """Run a server; yields it and a channel to it."""
    server = Server(plan, Telemetry.noop())
    port = await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield server, channel
    finally:
        await server.stop()


def method(channel: grpc.aio.Channel, name: str, kind: str = "unary") -> Callable[..., Any]:
    """Make a caller of a method."""
    makers = {
        "unary": channel.unary_unary,
        "down": channel.unary_stream,
        "up": channel.stream_unary,
        "both": channel.stream_stream,
    }
    return makers[kind](f"/{SERVICE}/{name}", StringValue.SerializeToString, StringValue.FromString)


async def error_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    """Return the error a call ends with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call succeeded")
