"""The fetch stage of a run: sources, or what a retry has left of them, asked for, documents journaled as they arrive and handed on."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach
from collatio.runtime.identity import document_id
from collatio.runtime.rpc.stage import document_error
from collatio.v1 import fetch_pb2
from collatio.v1 import gateway_pb2 as pb
from gateway.inline import kept_name
from gateway.run.documents import FAILED, FETCHED
from gateway.run.keeping import source_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from collatio.v1 import common_pb2
    from gateway.journal.record import JobRef
    from gateway.run.deps import RunDeps
    from gateway.run.documents import Documents
    from gateway.run.keeping import Ask
    from gateway.run.writer import Writer


class Fetching:
    """Asks for every source of a job; tells each document to `ask`, the extract stage's door."""

    def __init__(
        self,
        deps: RunDeps,
        ref: JobRef,
        spec: pb.JobSpec,
        documents: Documents,
        writer: Writer,
        *,
        asks: Sequence[Ask],
        ask: Callable[[pb.JobDocument], Awaitable[None]],
    ) -> None:
        self._deps, self._ref = deps, ref
        self._documents, self._writer, self._ask = documents, writer, ask
        self._stream = deps.stages.fetch_stream(ref)
        self._asks = asks
        self._paths = {one.item_id: one.relative_path for one in asks if not one.whole}
        self._count = len(sources_of(spec))
        self._done = self._count - sum(one.whole for one in asks)
        self._cancelled = False
        self._baselines = _baselines(spec)
        self.look: Callable[[pb.JobDocument], None] = lambda _: None

    def cancel(self) -> None:
        """Drop what is not answered."""
        self._cancelled = True
        self._stream.cancel()

    async def run(self, done: Callable[[], None]) -> None:
        """Fetch everything; `done` is called when no further document can come."""
        for document in self._documents.unfinished():
            await self._ask(document)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send())
            async with aclosing(self._stream.responses()) as responses:
                async for response in responses:
                    for outcome in response.outcomes:
                        await self._take(outcome)
        if self._cancelled:
            return
        self._documents.listing_done = True
        self._listed()
        done()

    async def _send(self) -> None:
        for one in self._asks:
            item = fetch_pb2.FetchItem(item_id=one.item_id, source=one.source)
            index = source_of(one.item_id)
            if one.source.HasField("inline") and not await self._fill(index, item.source.inline):
                continue
            await self._stream.send(item.item_id, item)
        self._stream.close()

    async def _fill(self, index: int, document: common_pb2.InlineDocument) -> bool:
        """Read an inline document's bytes back; False where they are lost, which fails that document alone."""
        digest, document.name = kept_name(document)
        blob = BlobId(self._ref.tenant, digest)
        try:
            document.data = await asyncio.to_thread(self._deps.blobs.get, blob)
        except CollatioError as error:
            if error.reason is not Reason.BLOB_NOT_FOUND:
                raise
            lost = document_error(Reason.INPUT_LOST, "The document's bytes were lost.", "fetch")
            uri = f"inline:{document.name}"
            self._note(_failed(index, fetch_pb2.FetchFailure(uri=uri, error=lost)))
            self._done += 1
            return False
        return True

    async def _take(self, outcome: fetch_pb2.FetchOutcome) -> None:
        source = source_of(outcome.item_id)
        kind = outcome.WhichOneof("result")
        if kind == "done":
            self._stream.answered(outcome.item_id)
            if outcome.item_id not in self._paths:
                self._done += 1
                self._listed()
            return
        document = (
            self._fetched(source, outcome.document)
            if kind == "document"
            else _failed(source, outcome.failure)
        )
        document.relative_path = document.relative_path or self._paths.get(outcome.item_id, "")
        if self._note(document) and document.state == FETCHED:
            reach("gateway.document.noted")
            await self._ask(document)

    def _note(self, document: pb.JobDocument) -> bool:
        """Journal a document; False if it is known."""
        if self._documents.get(document.document_id) is not None:
            return False
        document.baseline = document.source in self._baselines
        self._writer.document(document)
        self.look(document)
        return True

    def _listed(self) -> None:
        progress = pb.ListingProgress(sources_done=min(self._done, self._count), sources=self._count)
        self._writer.event(pb.JobEvent(listing=progress))

    @staticmethod
    def _fetched(source: int, found: fetch_pb2.FetchedDocument) -> pb.JobDocument:
        return pb.JobDocument(
            document_id=document_id(source, found.uri),
            uri=found.uri,
            source=source,
            relative_path=found.relative_path,
            state=FETCHED,
            blob=found.blob,
            fetch_reused=found.reused,
            fetch_timing=found.timing,
        )


def sources_of(spec: pb.JobSpec) -> list[common_pb2.Source]:
    """Return the job's sources, a baseline's own source last."""
    sources = list(spec.sources)
    if spec.compare.HasField("baseline") and spec.compare.baseline.HasField("source"):
        sources.append(spec.compare.baseline.source)
    return sources


def _baselines(spec: pb.JobSpec) -> set[int]:
    """Return the indexes of the sources that hold the baseline: its own one, or those of its key."""
    if not spec.compare.HasField("baseline"):
        return set()
    baseline = spec.compare.baseline
    if baseline.HasField("source"):
        return {len(spec.sources)}
    return {index for index, source in enumerate(spec.sources) if source.key == baseline.key}


def _failed(source: int, found: fetch_pb2.FetchFailure) -> pb.JobDocument:
    return pb.JobDocument(
        document_id=document_id(source, found.uri),
        uri=found.uri,
        source=source,
        relative_path=found.relative_path,
        state=FAILED,
        error=found.error,
        fetch_timing=found.timing,
    )
