"""The stages of a run in their order: fetch and extract side by side, then compare.

Bytes that a stage relies on may be gone from the blob store: with a disk that was lost, with a crash before a derived
blob was on it. Then the run mends, once a stage: a lost input is fetched again, a lost extraction is made again; what
is lost a second time is told as it is.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.telemetry.job_spans import stage_opened
from collatio.runtime.telemetry.tracing import attached
from collatio.v1.common_pb2 import STAGE_COMPARE, STAGE_EXTRACT
from gateway.run.comparing import Comparing
from gateway.run.documents import EXTRACTED
from gateway.run.extracting import Extracting
from gateway.run.fetching import Fetching, sources_of
from gateway.run.keeping import keep, since
from gateway.run.outcome import SUCCEEDED, End, after_extraction, failed, fails_at_once
from gateway.run.refetching import Refetching

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence

    from opentelemetry.context import Context

    from collatio.v1 import gateway_pb2 as pb
    from gateway.journal.record import JobRecord
    from gateway.run.deps import RunDeps
    from gateway.run.documents import Documents
    from gateway.run.writer import Writer

PASSING = {
    Reason.STATE_STORE_UNAVAILABLE,
    Reason.STATE_STORE_FULL,
    Reason.BLOB_STORE_UNAVAILABLE,
    Reason.BLOB_STORE_FULL,
}
LOST = {Reason.EXTRACTION_LOST, Reason.BLOB_NOT_FOUND}


class _Part(Protocol):
    """What asks a stage for work."""

    def cancel(self) -> None:
        """Drop what is not answered."""


class _Feeder(_Part, Protocol):
    """What brings documents to the extract stage."""

    look: Callable[[pb.JobDocument], None]

    async def run(self, done: Callable[[], None]) -> None:
        """Bring them; `done` is called when no further one can come."""


class Pipeline:
    """One run's way through the stages. `end_early` ends the job before its work is done."""

    def __init__(
        self,
        deps: RunDeps,
        record: JobRecord,
        documents: Documents,
        writer: Writer,
        job: Context,
        *,
        end_early: Callable[[End], None],
    ) -> None:
        self._deps, self._record, self._job = deps, record, job
        self._documents, self._writer = documents, writer
        self._end_early = end_early
        self._parts: list[_Part] = []
        self._cancelled = False

    def cancel(self) -> None:
        """Drop what the stages have not answered."""
        self._cancelled = True
        for part in self._parts:
            part.cancel()

    async def run(self) -> End:
        """Bring the job through the stages; returns how it ends. A store that is away raises: the run begins again."""
        try:
            await self._fetch_and_extract()
            end = after_extraction(self._record.spec, self._documents)
            if end is None and self._record.spec.HasField("compare") and not self._cancelled:
                end = await self._compare()
        except CollatioError as error:
            if error.reason in PASSING:
                raise
            return End("FAILED", str(error.reason), error.message)
        return end or SUCCEEDED

    async def _fetch_and_extract(self) -> None:
        spec = self._record.spec
        asks = await keep(self._deps, self._record, sources_of(spec), self._documents, self._writer)
        for document in self._documents:
            self._look(document)
        extracting = self._extracting(mending=True)
        fetching = Fetching(
            self._deps,
            self._record.ref,
            spec,
            self._documents,
            self._writer,
            asks=asks,
            ask=extracting.ask,
        )
        await self._bring(fetching, extracting, stage_opened(self._deps.tracing, "fetch", self._job))
        await self._fetch_again(extracting.lost)

    async def _fetch_again(self, lost: Sequence[pb.JobDocument]) -> None:
        """Fetch and extract documents whose bytes are gone."""
        if not lost or self._cancelled:
            return
        extracting = self._extracting(again={document.document_id for document in lost})
        stream = self._deps.stages.fetch_stream(self._record.ref)
        feeder = Refetching(stream, self._record.spec, lost, self._writer, ask=extracting.ask)
        await self._bring(feeder, extracting, stage_opened(self._deps.tracing, "fetch", self._job))

    def _extracting(self, *, again: Collection[str] = (), mending: bool = False) -> Extracting:
        record = self._record
        stream = self._deps.stages.extract_stream(
            record.ref, record.spec.extract, since(record, STAGE_EXTRACT)
        )
        return Extracting(stream, self._documents, self._writer, again=again, mending=mending)

    async def _bring(self, feeder: _Feeder, extracting: Extracting, opened: Context) -> None:
        """Run a feeder and the extraction of what it brings, together."""
        feeder.look = extracting.look = self._look
        self._parts += [feeder, extracting]
        under_extract = stage_opened(self._deps.tracing, "extract", self._job)
        await _together(_under(opened, feeder.run(extracting.close)), _under(under_extract, extracting.run()))

    def _look(self, document: pb.JobDocument) -> None:
        """End the job where this document ends it."""
        end = fails_at_once(self._record.spec.on_failure, document)
        if end is None and len(self._documents) > self._deps.documents_max:
            most = self._deps.documents_max
            end = failed(Reason.TOO_MANY_DOCUMENTS, f"More than {most:,} documents were found.")
        if end is not None:
            self._cancelled = True
            self._end_early(end)

    async def _compare(self) -> End | None:
        try:
            await self._compare_once(mending=True)
        except CollatioError as error:
            if error.reason not in LOST or self._cancelled:
                raise
            await self._extract_again()
            end = after_extraction(self._record.spec, self._documents)
            if end is not None or self._cancelled:
                return end
            await self._compare_once(mending=False)
        return None

    async def _compare_once(self, *, mending: bool) -> None:
        ref, when = self._record.ref, since(self._record, STAGE_COMPARE)
        comparing = Comparing(
            lambda compare: self._deps.stages.compare_stream(ref, compare, when),
            self._record.spec,
            self._documents,
            self._writer,
            keep=lambda data: asyncio.to_thread(self._deps.blobs.put, ref.tenant, data),
            mending=mending,
        )
        self._parts.append(comparing)
        with attached(stage_opened(self._deps.tracing, "compare", self._job)):
            await comparing.run(await self._deps.journal.tiles(ref))

    async def _extract_again(self) -> None:
        """Extract documents whose extraction is gone; tiles of a manifest that changed by it count no more."""
        gone = await asyncio.to_thread(self._gone)
        before = {document.document_id: document.extraction.sha256 for document in gone}
        extracting = self._extracting(again=before.keys(), mending=True)
        extracting.look = self._look
        self._parts.append(extracting)
        roots = {root.document_id: root for root in map(self._root, gone)}
        opened = stage_opened(self._deps.tracing, "extract", self._job)
        await _together(_ask_all(extracting, list(roots.values())), _under(opened, extracting.run()))
        await self._fetch_again(extracting.lost)
        if any(self._digest(name) != digest for name, digest in before.items()):
            self._writer.drop_tiles()
        await self._writer.flush()

    def _gone(self) -> list[pb.JobDocument]:
        """List the documents whose extraction cannot be read; a damaged one is removed by the look."""
        return [d for d in self._documents if d.state == EXTRACTED and not self._is_held(d.extraction.sha256)]

    def _is_held(self, sha256: str) -> bool:
        try:
            self._deps.blobs.get(BlobId(self._record.ref.tenant, sha256))
        except CollatioError as error:
            if error.reason is not Reason.BLOB_NOT_FOUND:
                raise
            return False
        return True

    def _root(self, document: pb.JobDocument) -> pb.JobDocument:
        """Return the document that was asked for, of which this one is a member, or itself."""
        while document.member_path:
            parent = self._documents.get(document.parent_id)
            assert parent is not None, "a member's parent was journaled before it"
            document = parent
        return document

    def _digest(self, document_id: str) -> str:
        document = self._documents.get(document_id)
        return document.extraction.sha256 if document is not None else ""


async def _ask_all(extracting: Extracting, documents: Sequence[pb.JobDocument]) -> None:
    for document in documents:
        await extracting.ask(document)
    extracting.close()


async def _together(*work: Coroutine[None, None, None]) -> None:
    """Run work side by side; raises what went wrong first."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as error:
        raise _only(error) from error


async def _under(context: Context, work: Awaitable[None]) -> None:
    with attached(context):
        await work


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Find what went wrong first in a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
