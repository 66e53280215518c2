"""`python -m gateway serve|report`: the gateway's composition root."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from collatio.runtime.program import FLUSH_S, Command, main, make_telemetry, run_async, set_up_logging
from gateway.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from collatio.runtime.rpc.server import Service
    from gateway.collecting import Collector
    from gateway.load import Load
    from gateway.run.deps import RunDeps
    from gateway.watching import Feed


SILENCE_LEASES = 4
"""How many leases a stage's stream may bring nothing: by then whatever was lost on the way has been found."""


def serve(settings: Settings) -> None:
    """Serve JobService, BlobService and MeshService, and run jobs."""
    set_up_logging("gateway", settings)

    async def body(stop: asyncio.Event) -> None:
        await _run(settings, stop)

    run_async(body)


async def _run(settings: Settings, stop: asyncio.Event) -> None:
    from collatio.runtime.blobs.connect import connect  # noqa: PLC0415 - `--help` loads nothing
    from collatio.runtime.stage_server import readiness, serve_until  # noqa: PLC0415 - same
    from collatio.runtime.stores import connect_async  # noqa: PLC0415 - same
    from gateway.collecting import Collector  # noqa: PLC0415 - same
    from gateway.journal.journal import Journal  # noqa: PLC0415 - same
    from gateway.keeper import Keeper  # noqa: PLC0415 - same
    from gateway.load import Load  # noqa: PLC0415 - same
    from gateway.run.deps import RunDeps  # noqa: PLC0415 - same
    from gateway.run.stages import Stages, Targets  # noqa: PLC0415 - same
    from gateway.watching import Feed  # noqa: PLC0415 - same

    telemetry = make_telemetry("gateway", settings)
    client = connect_async(settings.state_url)
    blobs = connect(settings.blob_url)
    journal = Journal(client)
    feed = Feed(client, journal.feed)
    targets = Targets(settings.fetch_target, settings.extract_target, settings.compare_target)
    stages = Stages(targets, telemetry, silence_s=SILENCE_LEASES * settings.lease_s)
    deps = RunDeps(
        journal=journal,
        stages=stages,
        blobs=blobs,
        tracing=telemetry.tracing,
        wall_ms=lambda: time.time_ns() // 1_000_000,
        documents_max=settings.documents_max,
    )
    record_ttl_ms = round(settings.record_ttl_s * 1000)
    keeper = Keeper(deps, feed, round(settings.lease_s * 1000), settings.jobs_run_max, record_ttl_ms)
    collector = Collector(
        client, blobs, time.time, ttl_s=settings.blob_ttl_s, every_s=settings.collect_every_s
    )
    load = Load(stages, client, settings.backlog_max)
    services = _services(settings, deps, feed, load, collector)
    feed.start()
    keeper.start()
    collector.start()
    try:
        ready = readiness(client, blobs)
        await serve_until(stop, settings, services, ready, telemetry, on_draining=feed.drain)
    finally:
        await collector.close()
        await keeper.close()
        await feed.close()
        await stages.close()
        await client.aclose()
        telemetry.shutdown(FLUSH_S)


def _services(
    settings: Settings, deps: RunDeps, feed: Feed, load: Load, collector: Collector
) -> list[Service]:
    from collatio.runtime.rpc.server import Service  # noqa: PLC0415 - `--help` loads nothing
    from collatio.v1 import gateway_pb2_grpc as stubs  # noqa: PLC0415 - same
    from gateway import blob_server, mesh_server, server  # noqa: PLC0415 - same
    from gateway.reporting import ReportProcesses  # noqa: PLC0415 - same

    child = (sys.executable, "-P", "-m", "gateway", "report", *sys.argv[2:])  # under the same settings
    reports = ReportProcesses(child, settings.reports_max, settings.report_timeout_s)
    desk = server.Desk(deps.journal, feed, load, deps.blobs, deps.tracing, reports, settings.jobs_open_max)
    jobs = server.JobServicer(desk)
    blobs = blob_server.BlobServicer(deps.blobs, settings.upload_max)
    mesh = mesh_server.MeshServicer(deps.stages, deps.journal, collector, settings)
    return [
        Service(server.SERVICE, lambda to: stubs.add_JobServiceServicer_to_server(jobs, to)),
        Service(blob_server.SERVICE, lambda to: stubs.add_BlobServiceServicer_to_server(blobs, to)),
        Service(mesh_server.SERVICE, lambda to: stubs.add_MeshServiceServicer_to_server(mesh, to)),
    ]


def report(settings: Settings) -> None:
    """Make the one report that standard input asks for."""
    from gateway.report_child import report as make  # noqa: PLC0415 - `--help` loads nothing

    make(settings)


COMMANDS = {
    "serve": Command(serve, "serve JobService, BlobService and MeshService, and run jobs"),
    "report": Command(report, "make one report; serve runs it"),
}

if __name__ == "__main__":
    main("gateway", Settings, COMMANDS, sys.argv[1:])
