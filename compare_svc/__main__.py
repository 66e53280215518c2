"""`python -m compare_svc serve|work`: the stage's composition root."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from collatio.runtime.program import Command, main, make_telemetry, set_up_logging
from compare_svc.settings import Settings

if TYPE_CHECKING:
    from collatio.runtime.queue.outcome import Handler
    from collatio.runtime.stage_server import Opened
    from collatio.runtime.telemetry.provider import Telemetry


def serve(settings: Settings) -> None:
    """Serve CompareService."""
    from collatio.runtime.rpc.server import Service  # noqa: PLC0415 - workers load no gRPC
    from collatio.runtime.stage_server import run_stage_server  # noqa: PLC0415 - same
    from collatio.v1 import compare_pb2_grpc  # noqa: PLC0415 - same
    from compare_svc.engine.registry import Registry  # noqa: PLC0415 - same
    from compare_svc.server import SERVICE, CompareServicer, Desk  # noqa: PLC0415 - same

    def services(opened: Opened) -> list[Service]:
        desk = Desk(opened.dispatcher, opened.blobs, Registry.load(), opened.telemetry.tracing, settings)
        servicer = CompareServicer(opened.ledger, desk)
        return [
            Service(
                SERVICE,
                lambda server: compare_pb2_grpc.add_CompareServiceServicer_to_server(servicer, server),
            )
        ]

    run_stage_server("compare", settings, settings.message_limit_s, services)


def work(settings: Settings) -> None:
    """Run the stage's worker pool."""
    from collatio.runtime.queue.worker import run_worker, worker_plan  # noqa: PLC0415 - servers load no pool
    from compare_svc.engine.registry import Registry, fingerprint  # noqa: PLC0415 - same
    from compare_svc.engine.versioning import PLAN_ENGINE  # noqa: PLC0415 - same

    set_up_logging("compare-work", settings)
    engines = sorted(fingerprint(comparator) for comparator in Registry.load())
    plan = worker_plan(
        "compare",
        settings,
        time_limit_s=settings.message_limit_s,
        engines=(PLAN_ENGINE, *engines),
        facts={},
        make_handler=lambda telemetry: make_handler(settings, telemetry),
        make_telemetry=lambda: make_telemetry("compare-work", settings),
    )
    run_worker(plan)


def make_handler(settings: Settings, telemetry: Telemetry) -> Handler:
    """Open what one pool child works with. Its sandboxes warm up while it waits for the first message."""
    from collatio.runtime.blobs.connect import connect  # noqa: PLC0415 - each child opens its own
    from collatio.runtime.sandbox.limits import Limits  # noqa: PLC0415 - same
    from collatio.runtime.sandbox.zygote import Zygote  # noqa: PLC0415 - same
    from collatio.runtime.stores import connect as connect_state  # noqa: PLC0415 - same
    from compare_svc.adapters import MODULE  # noqa: PLC0415 - same
    from compare_svc.priors import Priors  # noqa: PLC0415 - same
    from compare_svc.tasks import CompareHandler  # noqa: PLC0415 - same

    limits = Limits(
        wall_s=settings.tile_timeout_s,
        cpu_s=settings.tile_timeout_s,
        memory_bytes=settings.tile_memory,
        output_bytes=settings.tile_output,
        open_files=256,
    )
    record = telemetry.instruments.record_sandbox
    zygote = Zygote([MODULE], told=lambda death: record("compare", death.growth_bytes))
    zygote.start()
    blobs = connect(settings.blob_url)
    priors = Priors(connect_state(settings.state_url), blobs)
    return CompareHandler(blobs, priors, zygote, limits, telemetry.tracing)


COMMANDS = {
    "serve": Command(serve, "serve collatio.v1.CompareService"),
    "work": Command(work, "run a worker pool on the queue collatio.compare"),
}

if __name__ == "__main__":
    main("compare_svc", Settings, COMMANDS, sys.argv[1:])
