"""`python -m fetch_svc serve|work`: the stage's composition root."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from collatio.runtime.program import Command, main, make_telemetry, set_up_logging
from fetch_svc.settings import Settings

if TYPE_CHECKING:
    from collatio.runtime.queue.outcome import Handler
    from collatio.runtime.stage_server import Opened
    from collatio.runtime.telemetry.provider import Telemetry


def schemes(settings: Settings) -> tuple[str, ...]:
    """Return the schemes that are installed and allowed, sorted."""
    from fetch_svc.sources.registry import Sources  # noqa: PLC0415 - `--help` loads nothing

    return tuple(sorted(Sources(settings.sources).versions()))


def serve(settings: Settings) -> None:
    """Serve FetchService."""
    from collatio.runtime.rpc.server import Service  # noqa: PLC0415 - workers load no gRPC
    from collatio.runtime.stage_server import run_stage_server  # noqa: PLC0415 - same
    from collatio.v1 import fetch_pb2_grpc  # noqa: PLC0415 - same
    from fetch_svc.server import SERVICE, Desk, FetchServicer  # noqa: PLC0415 - same

    def services(opened: Opened) -> list[Service]:
        desk = Desk(opened.dispatcher, opened.blobs, opened.telemetry.tracing, frozenset(schemes(settings)))
        servicer = FetchServicer(opened.ledger, desk)
        return [
            Service(
                SERVICE, lambda server: fetch_pb2_grpc.add_FetchServiceServicer_to_server(servicer, server)
            )
        ]

    run_stage_server("fetch", settings, settings.message_limit_s, services)


def work(settings: Settings) -> None:
    """Run the stage's worker pool."""
    from collatio.runtime.queue.worker import run_worker, worker_plan  # noqa: PLC0415 - servers load no pool

    set_up_logging("fetch-work", settings)
    served = schemes(settings)
    plan = worker_plan(
        "fetch",
        settings,
        time_limit_s=settings.message_limit_s,
        engines=served,
        facts={"schemes": served},
        make_handler=lambda telemetry: make_handler(settings, telemetry),
        make_telemetry=lambda: make_telemetry("fetch-work", settings),
    )
    run_worker(plan)


def make_handler(settings: Settings, telemetry: Telemetry) -> Handler:
    """Open what one pool child works with."""
    from collatio.runtime.blobs.connect import connect  # noqa: PLC0415 - each child opens its own
    from collatio.runtime.stores import connect as connect_state  # noqa: PLC0415 - same
    from fetch_svc.adapters import Memo  # noqa: PLC0415 - same
    from fetch_svc.sources.registry import Sources  # noqa: PLC0415 - same
    from fetch_svc.tasks import FetchHandler  # noqa: PLC0415 - same

    blobs = connect(settings.blob_url)
    memo = Memo(connect_state(settings.state_url), blobs)
    return FetchHandler(
        blobs,
        memo,
        lambda: Sources(settings.sources),
        telemetry.tracing,
        settings.fetch_concurrency,
    )


COMMANDS = {
    "serve": Command(serve, "serve collatio.v1.FetchService"),
    "work": Command(work, "run a worker pool on the queue collatio.fetch"),
}

if __name__ == "__main__":
    main("fetch_svc", Settings, COMMANDS, sys.argv[1:])
