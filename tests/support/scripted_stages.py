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
from grpc_health.v1 import _async as health_aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collatio.runtime.blobs.digest import digest_of
from collatio.runtime.errors import CATALOGUE, Reason, invalid
from collatio.runtime.rpc.server import OPTIONS
from collatio.runtime.rpc.status import to_grpc
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import compare_pb2_grpc, extract_pb2_grpc, fetch_pb2_grpc
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import fetch_pb2 as fetch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

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
    mended: bool = False  # what would fail does not
    tile_pairs: int = 16
    failed_tiles: set[int] = field(default_factory=set)
    changes: int = 2
    change_text: str = "word"
    conclusion: bool = False
    status: dict[str, common.StageStatus] = field(default_factory=dict)
    quarantine: dict[str, list[str]] = field(default_factory=dict)  # keys by stage


class ScriptedStages:
    """The servicers and their server. `asked` counts items by stage and id, `cancelled` cancel messages.

    `firsts` holds the first request of each stage's last stream.
    """

    def __init__(self, blobs: BlobStore, script: Script | None = None) -> None:
        self.blobs, self.script = blobs, script or Script()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.streams: Counter[str] = Counter()
        self.cancelled: Counter[str] = Counter()
        self.jobs: list[str] = []
        self.firsts: dict[str, Any] = {}
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
        server = grpc.aio.server(options=OPTIONS)  # keepalive pings are no offence, as with the real ones
        fetch_pb2_grpc.add_FetchServiceServicer_to_server(_Fetch(self), server)
        extract_pb2_grpc.add_ExtractServiceServicer_to_server(_Extract(self), server)
        compare_pb2_grpc.add_CompareServiceServicer_to_server(_Compare(self), server)
        alive = health_aio.HealthServicer()
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

    async def answers(
        self, stage: str, requests: AsyncIterator[Any], context: Any, make: Callable[[Any], Iterable[Any]]
    ) -> AsyncIterator[Any]:
        """Answer one stream: `make` turns each request into answers, and None, at the half-close, into the last."""
        self.streams[stage] += 1
        number = self.streams[stage] - 1
        await self.tell()
        if stage in self.script.refuse:
            await context.abort_with_status(self.script.refuse[stage])
        breaks = self.script.breaks.get(stage, [])
        until = breaks[number] if number < len(breaks) else None
        queue: asyncio.Queue[Any] = asyncio.Queue()
        cancelled = asyncio.Event()
        reading = asyncio.create_task(self._read(stage, requests, make, queue, cancelled))
        sent = 0
        try:
            while (answer := await queue.get()) is not None:
                await self._hold(stage, cancelled)
                if cancelled.is_set():
                    break
                if until is not None and sent >= until:
                    await context.abort(self.script.break_code, "broken by the script")
                yield answer
                sent += 1
                self.answered[stage] += 1
                await self.tell()
            if cancelled.is_set():
                await context.abort(grpc.StatusCode.CANCELLED, "cancelled by the caller")
            if until is not None:
                await context.abort(self.script.break_code, "broken by the script")
        finally:
            reading.cancel()

    async def _read(
        self,
        stage: str,
        requests: AsyncIterator[Any],
        make: Callable[[Any], Iterable[Any]],
        queue: asyncio.Queue[Any],
        cancelled: asyncio.Event,
    ) -> None:
        async for request in requests:
            if request.job:
                self.jobs.append(request.job)
                self.firsts[stage] = request
            if request.cancel:
                self.cancelled[stage] += 1
                cancelled.set()
                break
            for answer in make(request):
                queue.put_nowait(answer)
            if getattr(request, "complete", False):
                self._put_last(make, queue)
            await self.tell()
        self._put_last(make, queue)
        await self.tell()

    @staticmethod
    def _put_last(make: Callable[[Any], Iterable[Any]], queue: asyncio.Queue[Any]) -> None:
        """Put what follows from the whole, and the end."""
        for answer in (*make(None), None):
            queue.put_nowait(answer)

    async def _hold(self, stage: str, cancelled: asyncio.Event) -> None:
        if stage not in self.script.hold or self.answered[stage] < self.script.hold_after.get(stage, 0):
            return
        waits = [asyncio.create_task(event.wait()) for event in (self.released, cancelled)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class _Stage:
    """What the three servicers share."""

    stage = ""

    def __init__(self, owner: ScriptedStages) -> None:
        self.owner = owner

    async def GetStatus(self, _: Any, __: Any) -> common.StageStatus:  # noqa: N802 - the RPC's name
        """Answer with the script's status."""
        found = self.owner.script.status.get(self.stage, common.StageStatus())
        found.stage = STAGES[self.stage]
        return found

    async def ListQuarantine(  # noqa: N802 - the RPC's name
        self, request: common.ListQuarantineRequest, context: Any
    ) -> common.ListQuarantineResponse:
        """Answer with a page of the script's keys; a token is the number of keys before it."""
        keys = self.owner.script.quarantine.get(self.stage, [])
        at, size = int(request.page_token or 0), request.page_size or 100
        if size < 0:
            await context.abort_with_status(to_grpc(invalid("page_size", "must not be negative")))
        steps = [common.QuarantinedStep(stage=STAGES[self.stage], key=key) for key in keys[at : at + size]]
        token = str(at + size) if at + size < len(keys) else ""
        return common.ListQuarantineResponse(steps=steps, next_page_token=token)

    async def ReplayQuarantine(  # noqa: N802 - the RPC's name
        self, request: common.ReplayQuarantineRequest, _: Any
    ) -> common.ReplayQuarantineResponse:
        """Replay those of the script's keys that are asked for."""
        known = self.owner.script.quarantine.get(self.stage, [])
        return common.ReplayQuarantineResponse(keys=[key for key in request.keys if key in known])


class _Fetch(_Stage, fetch_pb2_grpc.FetchServiceServicer):
    stage = "fetch"

    async def Fetch(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[fetch.FetchRequest], context: Any
    ) -> AsyncIterator[fetch.FetchResponse]:
        """Find what each source's URI says."""
        async for answer in self.owner.answers(self.stage, request_iterator, context, self._make):
            yield answer

    def _make(self, request: fetch.FetchRequest | None) -> Iterator[fetch.FetchResponse]:
        for item in request.items if request else ():
            self.owner.asked["fetch", item.item_id] += 1
            found = list(self._found(item))
            failures = sum(one.HasField("failure") for one in found)
            done = fetch.FetchItemDone(document_count=len(found) - failures, failure_count=failures)
            for outcome in (*found, fetch.FetchOutcome(done=done)):
                outcome.item_id = item.item_id
                yield fetch.FetchResponse(outcomes=[outcome])

    def _found(self, item: fetch.FetchItem) -> Iterator[fetch.FetchOutcome]:
        source = item.source
        if source.HasField("inline"):
            uri, data = f"inline:{source.inline.name}", source.inline.data
            yield fetch.FetchOutcome(document=_document(uri, self.owner.blobs.put(TENANT, data)))
            return
        kind, _, rest = source.uri.partition(":")
        if kind == "fails" and not self.owner.script.mended:
            yield fetch.FetchOutcome(failure=fetch.FetchFailure(uri=source.uri, error=_error(rest, "fetch")))
        elif kind == "many":
            for number in range(int(rest)):
                uri = f"{source.uri}/{number:06}.txt"
                yield fetch.FetchOutcome(document=_document(uri, digest_of(uri.encode())))
        else:
            yield fetch.FetchOutcome(document=_document(source.uri, digest_of(source.uri.encode())))


def _document(uri: str, sha256: str) -> fetch.FetchedDocument:
    blob = common.BlobRef(sha256=sha256, size_bytes=10, media_type="text/plain")
    return fetch.FetchedDocument(uri=uri, relative_path=uri.rpartition("/")[2], blob=blob)


def _error(reason: str, stage: str) -> common.DocumentError:
    entry = CATALOGUE[Reason(reason)]
    return common.DocumentError(
        reason=reason, message=entry.meaning, stage=STAGES[stage], retryable=entry.retryable
    )


class _Extract(_Stage, extract_pb2_grpc.ExtractServiceServicer):
    stage = "extract"

    async def Extract(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[extract.ExtractRequest], context: Any
    ) -> AsyncIterator[extract.ExtractResponse]:
        """Make an extraction whose one block is the document's name."""
        async for answer in self.owner.answers(self.stage, request_iterator, context, self._make):
            yield answer

    def _make(self, request: extract.ExtractRequest | None) -> Iterator[extract.ExtractResponse]:
        for item in request.items if request else ():
            self.owner.asked["extract", item.item_id] += 1
            for outcome in self._outcomes(item, item.name.rpartition(":")[2], ""):
                yield extract.ExtractResponse(outcomes=[outcome])

    def _outcomes(self, item: extract.ExtractItem, name: str, path: str) -> Iterator[extract.ExtractOutcome]:
        made = extract.ExtractOutcome(item_id=item.item_id, member_path=path, document=item.blob)
        if "corrupt" in name and not self.owner.script.mended:
            made.error.CopyFrom(_error("DOCUMENT_CORRUPT", "extract"))
            yield made
            return
        members = int(name.split("-")[1]) if name.startswith("box-") else 0
        text = "" if members else f"text of {name}"
        found = extract.Extraction(media_type="text/plain", engine="scripted@1")
        if text:
            found.blocks.add(kind=extract.BLOCK_KIND_PARAGRAPH, text=text)
        data = found.SerializeToString(deterministic=True)
        made.extraction.sha256 = self.owner.blobs.put(TENANT, data)
        made.extraction.size_bytes = len(data)
        made.summary.character_count = len(text)
        made.member_count = members
        yield made
        for number in range(members):
            child = f"{path}!/{number}.txt" if path else f"{number}.txt"
            yield from self._outcomes(item, child, child)


class _Compare(_Stage, compare_pb2_grpc.CompareServiceServicer):
    stage = "compare"

    async def Compare(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[compare.CompareRequest], context: Any
    ) -> AsyncIterator[compare.CompareResponse]:
        """Compare every document with every other, or those named."""
        gathered = compare.ComparePlan()

        def make(request: compare.CompareRequest | None) -> Iterable[compare.CompareResponse]:
            if request is None:
                return self._answers(gathered)
            if not gathered.HasField("spec"):
                gathered.spec.CopyFrom(request.spec)
                self.owner.specs.append(request.spec)
            gathered.documents.extend(request.documents)
            for document in request.documents:
                self.owner.asked["compare", document.document_id] += 1
            return ()

        async for answer in self.owner.answers(self.stage, request_iterator, context, make):
            yield answer

    def _answers(self, plan: compare.ComparePlan) -> Iterator[compare.CompareResponse]:
        script = self.owner.script
        pairs = list(_pairs(plan))
        for start in range(0, len(pairs), script.tile_pairs):
            some = pairs[start : start + script.tile_pairs]
            plan.tiles.add(left=[a for a, _ in some], right=[b for _, b in some])
        digest = self.owner.blobs.put(TENANT, plan.SerializeToString(deterministic=True))
        planned = compare.ComparePlanned(pair_count=len(pairs), tile_count=len(plan.tiles))
        planned.plan.sha256 = digest
        yield compare.CompareResponse(planned=planned)
        for number, tile in enumerate(plan.tiles):
            yield compare.CompareResponse(tile=self._tile(number, len(tile.left)))
        if script.conclusion:
            for document in plan.documents:
                cluster = compare.Cluster(document_ids=[document.document_id])
                yield compare.CompareResponse(conclusion=compare.CompareConclusion(clusters=[cluster]))

    def _tile(self, number: int, pairs: int) -> compare.CompareTile:
        script = self.owner.script
        made = compare.CompareTile(tile=number, pair_count=pairs)
        if number in script.failed_tiles:
            made.error.CopyFrom(_error("COMPARE_TIMEOUT", "compare"))
            return made
        found = compare.TileComparisons()
        for _ in range(pairs):
            one = found.comparisons.add(status=compare.COMPARISON_STATUS_COMPARED, engine="scripted@1")
            one.similarity.overall = 0.5
            for _ in range(script.changes):
                one.changes.add(kind=compare.CHANGE_KIND_INSERTED, right_text=script.change_text)
        made.comparisons.sha256 = self.owner.blobs.put(TENANT, found.SerializeToString(deterministic=True))
        made.compared_count = pairs
        return made


def _pairs(plan: compare.ComparePlan) -> Iterator[tuple[int, int]]:
    if plan.spec.WhichOneof("plan") == "explicit":
        by_uri = {document.uri: index for index, document in enumerate(plan.documents)}
        yield from ((by_uri[pair.left], by_uri[pair.right]) for pair in plan.spec.explicit.pairs)
    else:
        yield from combinations(range(len(plan.documents)), 2)
