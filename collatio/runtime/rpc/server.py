"""A gRPC server as every service of collatio runs one.

Health by service, reflection with comments, channelz, limits, the error translation, readiness that follows the
state store, and a drain: on SIGTERM health says NOT_SERVING first, streams end, then the server stops.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from grpc_channelz.v1 import _async as channelz_aio
from grpc_channelz.v1 import channelz_pb2_grpc
from grpc_health.v1 import _async as health_aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collatio.runtime.ending import end
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.guard import Guard, MethodLimits
from collatio.runtime.rpc.reflection import V1, V1ALPHA, Reflection, load_catalogue
from collatio.runtime.telemetry.rpc_server import ServerTracing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from collatio.runtime.telemetry.provider import Telemetry

logger = logging.getLogger(__name__)
READINESS_S = 1.0
PROBE_S = 3.0
BROKEN_AFTER = 2
SPANS_S = 1.0
MESSAGE_BYTES_MAX = 4 << 20
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
OPTIONS: list[tuple[str, Any]] = [
    ("grpc.so_reuseport", 0),  # by default a second server would silently share the port
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_connection_age_ms", 1_800_000),
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.max_concurrent_streams", 1_000),
]


@dataclass(frozen=True, slots=True)
class Service:
    """A service to serve: its full name, and what registers it."""

    name: str
    add_to: Callable[[grpc.aio.Server], None]


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What makes one server. Times in seconds; `ready` is awaited about every second."""

    listen: str
    services: Sequence[Service]
    ready: Callable[[], Awaitable[bool]]
    limits: MethodLimits
    drain_s: float
    grace_s: float
    on_serving: Callable[[], Awaitable[None]] | None = None
    """Run once, beside the serving, when the server is first ready: for what may be loaded late."""
    on_draining: Callable[[], None] | None = None
    """Called when the server takes no further call: for streams that go on elsewhere to end."""


class Server:
    """One gRPC server: `start`, then `stop`."""

    def __init__(self, plan: ServerPlan, telemetry: Telemetry) -> None:
        self._plan = plan
        tracing = ServerTracing(telemetry.tracing, telemetry.instruments)
        self._tracing = tracing
        self._guard = Guard(plan.limits)
        self._server = grpc.aio.server(interceptors=[tracing, self._guard], options=OPTIONS)
        self._health = health_aio.HealthServicer()
        self._readiness: asyncio.Task[None] | None = None
        self._late: asyncio.Future[None] | None = None
        self.port = 0
        for service in plan.services:
            service.add_to(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        channelz_pb2_grpc.add_ChannelzServicer_to_server(channelz_aio.ChannelzServicer(), self._server)
        names = [service.name for service in plan.services]
        shown = [*names, "grpc.health.v1.Health", "grpc.channelz.v1.Channelz", V1, V1ALPHA]
        Reflection(load_catalogue(), shown).add_to(self._server)

    async def start(self) -> int:
        """Listen, NOT_SERVING until ready; return the port. Errors: SETTINGS_INVALID for a port in use."""
        for service in self._plan.services:
            await self._health.set(service.name, NOT_SERVING)
        await self._health.set("", SERVING)
        try:
            self.port = self._server.add_insecure_port(self._plan.listen)
        except RuntimeError as error:
            raise CollatioError(
                Reason.SETTINGS_INVALID,
                f"cannot listen on {self._plan.listen}: the address is in use or not ours",
            ) from error
        self._tracing.listening_on(self._plan.listen.rpartition(":")[0], self.port)
        await self._server.start()
        self._readiness = asyncio.create_task(self._watch_readiness())
        return self.port

    async def _watch_readiness(self) -> None:
        """Set each service's health by whether the state store answers; two failures in a row close it."""
        failures = BROKEN_AFTER
        told: bool | None = None
        while True:
            ready = await self._is_ready()
            failures = 0 if ready else failures + 1
            serving = failures < BROKEN_AFTER
            if serving != told:
                if serving and self._late is None and self._plan.on_serving is not None:
                    self._late = asyncio.ensure_future(self._plan.on_serving())
                told = serving
                logger.info("serving" if serving else "not serving")
                for service in self._plan.services:
                    await self._health.set(service.name, SERVING if serving else NOT_SERVING)
            await asyncio.sleep(READINESS_S if told else READINESS_S / 10)

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_S):
                return await self._plan.ready()
        except TimeoutError:
            return False
        except Exception:  # noqa: BLE001 - whatever it is, the answer is no
            logger.warning("readiness could not be told")
            return False

    async def stop(self) -> None:
        """Drain: health first, a moment for callers to turn away, then the server within its grace."""
        await end(self._readiness)
        if self._late is not None:
            self._late.cancel()
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(self._plan.drain_s)
        if self._plan.on_draining is not None:
            self._plan.on_draining()
        await self._guard.drained(self._plan.grace_s)
        # Once, and without a grace: health's watches end with the server alone, and a stop beside another stop
        # crashes gRPC's core (1.85).
        await self._server.stop(None)
        await self._tracing.settled(SPANS_S)
