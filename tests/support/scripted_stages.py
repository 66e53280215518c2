"""The three stages as a gateway reaches them, answering by script: one real gRPC server on loopback, no workers.

A source's URI says what is found there: `one:NAME` a document, `many:N` N documents, `fails:REASON` a failure;
inline and uploaded documents are found as they are. A document whose name holds `corrupt` fails at extract; one
whose name begins with `box-N` is a container of N members. Everything else follows from `Script`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Self

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from collatio.runtime.blobs.digest import digest_of
from collatio.runtime.errors import CATALOGUE, Reason
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import compare_pb2_grpc, extract_pb2_grpc, fetch_pb2_grpc
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import fetch_pb2 as fetch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from collatio.runtime.blobs.store import BlobStore

TENANT = "default"
STAGES = {"fetch": common.STAGE_FETCH, "extract": common.STAGE_EXTRACT, "compare": common.STAGE_COMPARE}


@dataclass
class Script:
    """Where the stages misbehave. `breaks` are used up from the front, one a stream: answers before it breaks."""

    breaks: dict[str, list[int]] = field(default_factory=dict)
    break_code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    hold: set[str] = field(default_factory=set)  # stages that answer nothing until `release`
    hold_after: dict[str, int] = field(default_factory=dict)  # answers a stage gives before it holds
    refuse: dict[str, Any] = field(default_factory=dict)  # a gRPC status a stage aborts with
    tile_pairs: int = 16
    failed_tiles: set[int] = field(default_factory=set)
    changes: int = 2
    change_text: str = "word"
    conclusion: bool = False
    status: dict[str, common.StageStatus] = field(default_factory=dict)


class ScriptedStages:
    """The servicers and their server. `asked` counts items by stage and id, `cancelled` cancel messages."""

    def __init__(self, blobs: BlobStore, script: Script | None = None) -> None:
        self.blobs, self.script = blobs, script or Script()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.streams: Counter[str] = Counter()
        self.cancelled: Counter[str] = Counter()
        self.jobs: list[str] = []
        self.specs: list[compare.CompareSpec] = []
        self.answered: Counter[str] = Counter()
        self._changed = asyncio.Condition()
        self.released = asyncio.Event()
        self.port = 0
        self._server: Any = None

    @property
    def target(self) -> str:
        """The address, `host:port`."""
        return f"127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> Self:
        """Serve on loopback."""
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        fetch_pb2_grpc.add_FetchServiceServicer_to_server(_Fetch(self), server)
        extract_pb2_grpc.add_ExtractServiceServicer_to_server(_Extract(self), server)
        compare_pb2_grpc.add_CompareServiceServicer_to_server(_Compare(self), server)
        alive = health.aio.HealthServicer()
        for name in ("Fetch", "Extract", "Compare"):
            await alive.set(f"collatio.v1.{name}Service", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(alive, server)
        self.port = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        self._server = server
        return self

    async def stop(self) -> None:
        """Stop at once, breaking what is open."""
        await self._server.stop(0)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def until(self, holds: Any) -> None:
        """Wait until something is true of what was counted."""
        async with self._changed:
            await self._changed.wait_for(holds)

    async def tell(self) -> None:
        """Wake who waits in `until`."""
        async with self._changed:
            self._changed.notify_all()

    async def answer(self, stage: str, context: Any, sent: int) -> None:
        """Before an answer of a stream: break or hold where the script says so. `sent` counts the stream's."""
        breaks = self.script.breaks.get(stage, [])
        number = self.streams[stage] - 1
        if number < len(breaks) and sent >= breaks[number]:
            await context.abort(self.script.break_code, "broken by the script")
        if stage in self.script.hold and self.answered[stage] >= self.script.hold_after.get(stage, 0):
            await self.released.wait()
        self.answered[stage] += 1
        await self.tell()

    async def begin(self, stage: str, context: Any) -> None:
        """Note a stream."""
        self.streams[stage] += 1
        await self.tell()
        if stage in self.script.refuse:
            await context.abort_with_status(self.script.refuse[stage])

    async def read(self, stage: str, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Read a stream's requests; one that cancels is noted and ends them."""
        async for request in requests:
            if request.job:
                self.jobs.append(request.job)
            if request.cancel:
                self.cancelled[stage] += 1
                await self.tell()
                return
            yield request


class _Stage:
    """What the three servicers share."""

    stage = ""

    def __init__(self, owner: ScriptedStages) -> None:
        self.owner = owner

    async def GetStatus(self, _: Any, __: Any) -> common.StageStatus:
        """Answer with the script's status."""
        found = self.owner.script.status.get(self.stage, common.StageStatus())
        found.stage = STAGES[self.stage]
        return found


class _Answers:
    """A stream whose answers come as soon as its requests, in order, and whose cancellation ends it."""

    def __init__(self, servicer: _Stage, requests: AsyncIterator[Any], context: Any) -> None:
        self._owner, self._stage, self._context = servicer.owner, servicer.stage, context
        self._requests = requests
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    async def run(self, answers: Any) -> AsyncIterator[Any]:
        """Yield what `answers` makes of each request."""
        await self._owner.begin(self._stage, self._context)
        reading = asyncio.create_task(self._read(answers))
        sent = 0
        try:
            while (answer := await self._queue.get()) is not None:
                waiting = asyncio.create_task(self._owner.answer(self._stage, self._context, sent))
                await asyncio.wait({waiting, reading} - ({reading} if reading.done() else set()),
                                   return_when=asyncio.FIRST_COMPLETED)
                if reading.done() and reading.result():
                    waiting.cancel()
                    await self._context.abort(grpc.StatusCode.CANCELLED, "cancelled by the caller")
                await waiting
                yield answer
                sent += 1
            if await reading:
                await self._context.abort(grpc.StatusCode.CANCELLED, "cancelled by the caller")
        finally:
            reading.cancel()

    async def _read(self, answers: Any) -> bool:
        """Read to the end; True if the caller cancelled."""
        before = self._owner.cancelled[self._stage]
        async for request in self._owner.read(self._stage, self._requests):
            for answer in answers(request):
                self._queue.put_nowait(answer)
        for answer in answers(None):
            self._queue.put_nowait(answer)
        self._queue.put_nowait(None)
        return self._owner.cancelled[self._stage] > before
