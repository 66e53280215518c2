"""The mesh's four servers in this process: real gRPC on loopback, a real Valkey, no workers.

Steps are submitted and messages published, to nobody: `published` holds them.
"""

from __future__ import annotations

import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import grpc.aio

from collatio.runtime.blobs.local import LocalBlobs
from collatio.runtime.ledger.ledger import AsyncLedger
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.queue.dispatcher import Dispatcher
from collatio.runtime.queue.names import queue_name
from collatio.runtime.queue.send import Sender
from collatio.runtime.rpc.guard import MethodLimits
from collatio.runtime.rpc.server import Server, ServerPlan, Service
from collatio.runtime.stage_server import readiness
from collatio.runtime.stores import connect_async
from collatio.runtime.telemetry.provider import Telemetry
from collatio.v1 import (
    compare_pb2_grpc,
    extract_pb2_grpc,
    fetch_pb2_grpc,
    gateway_pb2_grpc,
)
from compare_svc.engine.registry import Registry as Comparators
from compare_svc.server import CompareServicer
from compare_svc.server import Desk as CompareDesk
from compare_svc.settings import Settings as CompareSettings
from extract_svc.engine.registry import Registry as Extractors
from extract_svc.server import Desk as ExtractDesk
from extract_svc.server import ExtractServicer
from extract_svc.settings import Settings as ExtractSettings
from fetch_svc.server import Desk as FetchDesk
from fetch_svc.server import FetchServicer
from gateway.blob_server import BlobServicer
from gateway.collecting import Collector
from gateway.journal.journal import Journal
from gateway.keeper import Keeper
from gateway.load import Load
from gateway.mesh_server import MeshServicer
from gateway.reporting import ReportProcesses
from gateway.run.deps import RunDeps
from gateway.run.stages import Stages, Targets
from gateway.server import Desk, JobServicer
from gateway.settings import Settings
from gateway.watching import Feed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from collatio.runtime.ledger.records import Message

LEASE_MS = 10_000
SCHEMES = frozenset({"file", "http", "https", "s3"})


@dataclass
class Unheard:
    """A publisher whose messages nobody reads."""

    published: list[Message] = field(default_factory=list)

    async def publish(self, message: Message, headers: Mapping[str, str], time_limit_s: float) -> None:
        """Keep a message."""
        self.published.append(message)

    async def close(self) -> None:
        """Do nothing."""


class ServedMesh:
    """Four servers over one store. `stage_limits` are the ledgers'; `jobs_run` off: no job is begun."""

    def __init__(
        self, state_url: str, folder: Path, *, jobs_run: bool = True, jobs_open_max: int = 1_000
    ) -> None:
        self._state_url, self._jobs_run, self._jobs_open_max = state_url, jobs_run, jobs_open_max
        self.blobs = LocalBlobs(folder / "blobs")
        self.blob_url = (folder / "blobs").as_uri()
        self.unheard = Unheard()
        self.ports: dict[str, int] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.client = connect_async(self._state_url)
        self._stack.push_async_callback(self.client.aclose)
        await self.client.flushdb()
        self._telemetry = Telemetry.noop()
        await self._fetch()
        await self._extract()
        await self._compare()
        await self._gateway()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def address(self, name: str) -> str:
        """Return the address of a server: "gateway" or a stage's name."""
        return f"127.0.0.1:{self.ports[name]}"

    def channel(self, name: str = "gateway") -> grpc.aio.Channel:
        """Open a plain channel, closed with the mesh."""
        made = grpc.aio.insecure_channel(self.address(name))
        self._stack.push_async_callback(made.close, None)
        return made

    async def _serve(self, name: str, services: Sequence[Service]) -> None:
        plan = ServerPlan(
            listen="127.0.0.1:0",
            services=services,
            ready=readiness(self.client, self.blobs),
            limits=MethodLimits(),
            drain_s=0.0,
            grace_s=0.0,
        )
        server = Server(plan, self._telemetry)
        self.ports[name] = await server.start()
        self._stack.push_async_callback(server.stop)

    def _ledger(self, stage: str) -> tuple[AsyncLedger, Dispatcher]:
        ledger = AsyncLedger(self.client, stage, Limits())
        sender = Sender(self.unheard, queue_name(stage), self._telemetry.tracing, 60.0)
        dispatcher = Dispatcher(ledger, sender)
        dispatcher.start()
        self._stack.push_async_callback(dispatcher.close)
        return ledger, dispatcher

    async def _fetch(self) -> None:
        ledger, dispatcher = self._ledger("fetch")
        desk = FetchDesk(dispatcher, self.blobs, self._telemetry.tracing, SCHEMES)
        made = FetchServicer(ledger, desk)
        add: Any = fetch_pb2_grpc.add_FetchServiceServicer_to_server
        await self._serve("fetch", [Service("collatio.v1.FetchService", lambda to: add(made, to))])

    async def _extract(self) -> None:
        ledger, dispatcher = self._ledger("extract")
        settings = ExtractSettings(state_url=self._state_url, blob_url=self.blob_url)
        desk = ExtractDesk(dispatcher, self.blobs, Extractors.load(), self._telemetry.tracing, settings)
        made = ExtractServicer(ledger, desk)
        add: Any = extract_pb2_grpc.add_ExtractServiceServicer_to_server
        await self._serve("extract", [Service("collatio.v1.ExtractService", lambda to: add(made, to))])

    async def _compare(self) -> None:
        ledger, dispatcher = self._ledger("compare")
        settings = CompareSettings(state_url=self._state_url, blob_url=self.blob_url)
        desk = CompareDesk(dispatcher, self.blobs, Comparators.load(), self._telemetry.tracing, settings)
        made = CompareServicer(ledger, desk)
        add: Any = compare_pb2_grpc.add_CompareServiceServicer_to_server
        await self._serve("compare", [Service("collatio.v1.CompareService", lambda to: add(made, to))])

    async def _gateway(self) -> None:
        self.journal = Journal(self.client)
        feed = Feed(self.client, self.journal.feed)
        targets = [self.address(stage) for stage in ("fetch", "extract", "compare")]
        stages = Stages(Targets(*targets), self._telemetry)
        self._stack.push_async_callback(stages.close)
        deps = RunDeps(
            journal=self.journal,
            stages=stages,
            blobs=self.blobs,
            tracing=self._telemetry.tracing,
            wall_ms=lambda: time.time_ns() // 1_000_000,
            documents_max=100_000,
        )
        feed.start()
        self._stack.push_async_callback(feed.close)
        if self._jobs_run:
            keeper = Keeper(deps, feed, LEASE_MS, 64)
            keeper.start()
            self._stack.push_async_callback(keeper.close)
        load = Load(stages, self.client, 200_000)
        settings = Settings(
            state_url=self._state_url,
            blob_url=self.blob_url,
            fetch_target=targets[0],
            extract_target=targets[1],
            compare_target=targets[2],
        )
        flags = ("--state-url", self._state_url, "--blob-url", self.blob_url)
        places = [
            f for stage in ("fetch", "extract", "compare") for f in (f"--{stage}-target", self.address(stage))
        ]
        reports = ReportProcesses((sys.executable, "-m", "gateway", "report", *flags, *places), 2, 60.0)
        desk = Desk(
            self.journal, feed, load, self.blobs, self._telemetry.tracing, reports, self._jobs_open_max
        )
        stubs: Any = gateway_pb2_grpc
        jobs, blobs = JobServicer(desk), BlobServicer(self.blobs, 1 << 30)
        collector = Collector(self.client, self.blobs, time.time, ttl_s=3600.0, every_s=0)
        mesh = MeshServicer(stages, self.journal, collector, settings)
        await self._serve(
            "gateway",
            [
                Service(
                    "collatio.v1.JobService", lambda to: stubs.add_JobServiceServicer_to_server(jobs, to)
                ),
                Service(
                    "collatio.v1.BlobService", lambda to: stubs.add_BlobServiceServicer_to_server(blobs, to)
                ),
                Service(
                    "collatio.v1.MeshService", lambda to: stubs.add_MeshServiceServicer_to_server(mesh, to)
                ),
            ],
        )
