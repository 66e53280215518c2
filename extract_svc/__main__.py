"""`python -m extract_svc serve|work`: the stage's composition root."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from collatio.runtime.program import Command, main, make_telemetry, set_up_logging
from extract_svc.settings import Settings

if TYPE_CHECKING:
    from collatio.runtime.queue.outcome import Handler
    from collatio.runtime.stage_server import Opened
    from collatio.runtime.telemetry.provider import Telemetry


def serve(settings: Settings) -> None:
    """Serve ExtractService."""
    from collatio.runtime.rpc.server import Service  # noqa: PLC0415 - workers load no gRPC
    from collatio.runtime.stage_server import run_stage_server  # noqa: PLC0415 - same
    from collatio.v1 import extract_pb2_grpc  # noqa: PLC0415 - same
    from extract_svc.engine.registry import Registry  # noqa: PLC0415 - same
    from extract_svc.server import SERVICE, Desk, ExtractServicer  # noqa: PLC0415 - same

    def services(opened: Opened) -> list[Service]:
        desk = Desk(opened.dispatcher, opened.blobs, Registry.load(), opened.telemetry.tracing, settings)
        servicer = ExtractServicer(opened.ledger, desk)
        return [
            Service(
                SERVICE,
                lambda server: extract_pb2_grpc.add_ExtractServiceServicer_to_server(servicer, server),
            )
        ]

    run_stage_server("extract", settings, settings.message_limit_s, services)


def work(settings: Settings) -> None:
    """Run the stage's worker pool."""
    from collatio.runtime.queue.worker import run_worker, worker_plan  # noqa: PLC0415 - servers load no pool
    from extract_svc.engine.registry import Registry, fingerprint  # noqa: PLC0415 - same

    set_up_logging("extract-work", settings)
    engines = tuple(sorted(fingerprint(extractor) for extractor in Registry.load()))
    media_types = Registry.load().media_types()
    plan = worker_plan(
        "extract",
        settings,
        time_limit_s=settings.message_limit_s,
        engines=engines,
        facts={"media_types": media_types},
        make_handler=lambda telemetry: make_handler(settings, telemetry),
        make_telemetry=lambda: make_telemetry("extract-work", settings),
    )
    run_worker(plan)


def make_handler(settings: Settings, telemetry: Telemetry) -> Handler:
    """Open what one pool child works with. Its sandboxes warm up while it waits for the first message."""
    from collatio.runtime.blobs.connect import connect  # noqa: PLC0415 - each child opens its own
    from collatio.runtime.sandbox.limits import Limits  # noqa: PLC0415 - same
    from collatio.runtime.sandbox.zygote import Zygote  # noqa: PLC0415 - same
    from extract_svc.tasks import MODULE, ExtractHandler  # noqa: PLC0415 - same

    limits = Limits(
        wall_s=settings.document_timeout_s,
        cpu_s=settings.document_timeout_s,
        memory_bytes=settings.document_memory,
        output_bytes=settings.document_output,
    )
    record = telemetry.instruments.record_sandbox
    zygote = Zygote([MODULE], told=lambda death: record("extract", death.growth_bytes))
    zygote.start()
    blobs = connect(settings.blob_url)
    return ExtractHandler(blobs, zygote, limits, telemetry.tracing, settings.document_reading)


COMMANDS = {
    "serve": Command(serve, "serve collatio.v1.ExtractService"),
    "work": Command(work, "run a worker pool on the queue collatio.extract"),
}

if __name__ == "__main__":
    main("extract_svc", Settings, COMMANDS, sys.argv[1:])
