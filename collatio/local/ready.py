"""Wait until a gRPC server says that it serves, by the standard health protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Sequence

_CALL_S = 30.0
_PAUSE_S = 0.05
# A server that is starting refuses connections; gRPC would wait a second and more before it asks again.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 250),
    ("grpc.max_reconnect_backoff_ms", 250),
    ("grpc.enable_http_proxy", 0),
)


async def wait_serving(target: str, services: Sequence[str]) -> None:
    """Return once every named service at `target` is SERVING; `""` names the process itself.

    Units: it waits for ever; bound it from outside.
    """
    async with grpc.aio.insecure_channel(target, options=_OPTIONS) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in services:
            while not await _serves(stub, service):  # noqa: ASYNC110 - what we wait for is another process
                await asyncio.sleep(_PAUSE_S)


async def _serves(stub: health_pb2_grpc.HealthStub, service: str) -> bool:
    """Watch until the service serves (True) or the watch breaks (False)."""
    request = health_pb2.HealthCheckRequest(service=service)
    watch = stub.Watch(request, wait_for_ready=True, timeout=_CALL_S)
    try:
        async for response in watch:
            if response.status == health_pb2.HealthCheckResponse.SERVING:
                return True
    except grpc.aio.AioRpcError:
        return False
    finally:
        watch.cancel()
    return False
