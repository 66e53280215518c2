"""What every stage's server opens, serves with, and closes again."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from collatio.runtime.blobs.connect import connect
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger.ledger import STORE_ERRORS, AsyncLedger
from collatio.runtime.program import FLUSH_S, make_telemetry, run_async, set_up_logging
from collatio.runtime.queue.dispatcher import Dispatcher
from collatio.runtime.queue.names import queue_name
from collatio.runtime.queue.publish import CeleryPublisher
from collatio.runtime.queue.send import Sender
from collatio.runtime.rpc.guard import MethodLimits
from collatio.runtime.rpc.server import Server, ServerPlan, Service
from collatio.runtime.stores import check_store_id, connect_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redis.asyncio import Redis as AsyncRedis

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.program import ServiceSettings, StageSettings
    from collatio.runtime.telemetry.provider import Telemetry

logger = logging.getLogger(__name__)
STREAMS_MAX = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """What a stage's servicer is made from."""

    ledger: AsyncLedger
    dispatcher: Dispatcher
    blobs: BlobStore
    telemetry: Telemetry


def run_stage_server(
    stage: str,
    settings: StageSettings,
    message_limit_s: float,
    services: Callable[[Opened], Sequence[Service]],
) -> None:
    """Run a stage's gRPC server until it is told to stop."""
    set_up_logging(stage, settings)

    async def body(stop: asyncio.Event) -> None:
        telemetry = make_telemetry(stage, settings)
        client = connect_async(settings.state_url)
        blobs = connect(settings.blob_url)
        ledger = AsyncLedger(client, stage, settings.limits)
        publisher = CeleryPublisher(stage, settings.state_url)
        sender = Sender(publisher, queue_name(stage), telemetry.tracing, message_limit_s)
        dispatcher = Dispatcher(ledger, sender)
        opened = Opened(ledger, dispatcher, blobs, telemetry)
        dispatcher.start()
        try:
            ready = readiness(client, blobs)
            await serve_until(stop, settings, services(opened), ready, telemetry, publisher.warm)
        finally:
            await dispatcher.close()
            await client.aclose()
            telemetry.shutdown(FLUSH_S)

    run_async(body)


async def serve_until(  # noqa: PLR0917 - each is one thing a server is made of
    stop: asyncio.Event,
    settings: ServiceSettings,
    services: Sequence[Service],
    ready: Callable[[], Awaitable[bool]],
    telemetry: Telemetry,
    on_serving: Callable[[], Awaitable[None]] | None = None,
    on_draining: Callable[[], None] | None = None,
) -> None:
    """Serve until `stop` is set, then drain. Errors: SETTINGS_INVALID for an address it may not listen on."""
    refuse_exposure(settings)
    plan = ServerPlan(
        listen=settings.listen,
        services=services,
        ready=ready,
        limits=MethodLimits(streams=STREAMS_MAX),
        drain_s=settings.drain_s,
        grace_s=settings.grace_s,
        on_serving=on_serving,
        on_draining=on_draining,
    )
    server = Server(plan, telemetry)
    port = await server.start()
    logger.info("listening", extra={"fields": {"address": f"{settings.listen.rpartition(':')[0]}:{port}"}})
    await stop.wait()
    await server.stop()


def refuse_exposure(settings: ServiceSettings) -> None:
    """Refuse to listen beyond loopback unless told to: calls are in the clear. Errors: SETTINGS_INVALID."""
    host = settings.listen.rpartition(":")[0].strip("[]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback and not settings.insecure:
        raise CollatioError(
            Reason.SETTINGS_INVALID,
            f"{settings.listen} is beyond loopback, where calls would travel in the clear;"
            " set --insecure on for a network of the mesh's own",
        )


def readiness(client: AsyncRedis, blobs: BlobStore) -> Callable[[], Awaitable[bool]]:
    """Make the readiness probe: Valkey answers, takes writes, and belongs to the same mesh as the blob store."""
    return partial(_is_ready, client, blobs, [])


async def _is_ready(client: AsyncRedis, blobs: BlobStore, paired: list[bool]) -> bool:
    try:
        if not paired:
            await check_store_id(client, await asyncio.to_thread(blobs.identity))
            paired.append(True)
        replication = await client.info("replication")
    except CollatioError as error:
        if error.reason is Reason.BLOB_STORE_MISMATCH:
            logger.error("%s", error.message)  # noqa: TRY400 - the sentence says it all
        return False
    except STORE_ERRORS:
        return False
    return replication.get("role") not in {"slave", "replica"}
