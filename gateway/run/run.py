"""One job's run: fetch and extract side by side, then compare, journaling every outcome as it comes.

A run is a function of the journal: what stands there is not asked for again, so a gateway that takes a job over
starts `run` with the same record and finishes it. Nothing is kept in memory alone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from collatio.runtime.ending import end
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach
from collatio.runtime.telemetry.job_spans import job_progress, job_run, stage_opened
from collatio.runtime.telemetry.traceparent import context_from, traceparent_of
from collatio.runtime.telemetry.tracing import attached
from gateway.run.comparing import Comparing
from gateway.run.documents import Documents
from gateway.run.extracting import Extracting
from gateway.run.fetching import Fetching
from gateway.run.outcome import CANCELLED, SUCCEEDED, End, after_extraction, failed, fails_at_once
from gateway.run.writer import Writer

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from collatio.v1 import gateway_pb2 as pb
    from gateway.journal.journal import Held
    from gateway.journal.record import JobRecord
    from gateway.run.deps import RunDeps

logger = logging.getLogger(__name__)
DEFAULT_TTL_MS = 7 * 24 * 3600 * 1000
PROGRESS_S = 30.0
PAGE = 1_000
DROP_S = 2.0
PASSING = {
    Reason.STATE_STORE_UNAVAILABLE,
    Reason.STATE_STORE_FULL,
    Reason.BLOB_STORE_UNAVAILABLE,
    Reason.BLOB_STORE_FULL,
}


class _Part(Protocol):
    """What asks a stage for work."""

    def cancel(self) -> None:
        """Drop what is not answered."""


class JobRun:
    """One job under this gateway's lease."""

    def __init__(self, deps: RunDeps, held: Held) -> None:
        self._deps, self.held = deps, held
        self._early: End | None = None
        self._stop = asyncio.Event()
        self._parts: list[_Part] = []

    def cancel(self) -> None:
        """Tell the run that its job was asked to stop."""
        self._end_early(CANCELLED)

    def _end_early(self, end: End) -> None:
        """End the job before its work is done; what was said first counts."""
        self._early = self._early or end
        self._stop.set()

    async def run(self) -> None:
        """Bring the job to its end. Raises Fenced when the job is lost to another gateway."""
        record = await self._deps.journal.read(self.held.ref)
        if record.ended:
            return
        if record.state == "CANCELLING":
            self.cancel()
        reach("gateway.run.begun")
        documents = Documents(await self._known(), listing_done=record.documents.listing_done)
        writer = Writer(self._deps.journal, self.held, documents, self._deps.wall_ms)
        writer.comparisons.CopyFrom(record.comparisons)
        job = context_from(record.trace, self.held.ref.job_id)
        span = job_run(self._deps.tracing, job, after=self.held.run_trace)
        writer.field("run_trace", traceparent_of(span).encode())
        if record.state == "QUEUED":
            writer.begin()
        try:
            end = await self._until_end(record, documents, writer, job)
            state = await writer.finish(end.state, end.reason, end.message, _ttl_ms(record.spec))
            span.set_attribute("collatio.job.state", state)
            logger.info(
                "job ended",
                extra={"fields": {"job": self.held.ref.job_id, "state": state, "reason": end.reason}},
            )
        finally:
            span.set_attribute("collatio.document.count", len(documents))
            self._deps.tracing.finish(span)

    async def _known(self) -> list[pb.JobDocument]:
        found: list[pb.JobDocument] = []
        while page := await self._deps.journal.documents(self.held.ref, len(found), PAGE):
            found += page
        return found

    async def _until_end(self, record: JobRecord, documents: Documents, writer: Writer, job: Context) -> End:
        """Run the stages until the job ends, is cancelled or runs out of time."""
        work = asyncio.create_task(self._stages(record, documents, writer, job))
        writing = asyncio.create_task(writer.run())
        stopping = asyncio.create_task(self._stop.wait())
        showing = asyncio.create_task(self._show_progress(documents, job))
        try:
            done, _ = await asyncio.wait(
                {work, writing, stopping},
                timeout=self._time_left(record),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if writing in done:
                writing.result()
            if not done:
                self._end_early(failed(Reason.JOB_DEADLINE_EXCEEDED))
            if self._early is None:
                return work.result()
            await self._drop(work)
            return self._early
        finally:
            await end(work, writing, stopping, showing)

    async def _drop(self, work: asyncio.Task[End]) -> None:
        """Tell the stages that no more is wanted: without it, their work goes on until our interest lapses."""
        for part in self._parts:
            part.cancel()
        await asyncio.wait({work}, timeout=DROP_S)

    def _time_left(self, record: JobRecord) -> float | None:
        if not record.spec.HasField("timeout"):
            return None
        end_ms = record.created_ms + record.spec.timeout.ToMilliseconds()
        return max(0.0, (end_ms - self._deps.wall_ms()) / 1000)

    async def _show_progress(self, documents: Documents, job: Context) -> None:
        while True:
            await asyncio.sleep(PROGRESS_S)
            counts = documents.counts()
            job_progress(
                self._deps.tracing, job, done=counts.extracted, failed=counts.failed, total=counts.found
            )

    async def _stages(self, record: JobRecord, documents: Documents, writer: Writer, job: Context) -> End:
        """Fetch and extract together, then compare."""
        spec = record.spec
        extracting = Extracting(
            self._deps.stages.extract_stream(self.held.ref, spec.extract), documents, writer
        )
        fetching = Fetching(self._deps, self.held.ref, spec, documents, writer, ask=extracting.ask)

        def look(document: pb.JobDocument) -> None:
            end = fails_at_once(spec.on_failure, document)
            if end is None and len(documents) > self._deps.documents_max:
                most = self._deps.documents_max
                end = failed(Reason.TOO_MANY_DOCUMENTS, f"More than {most:,} documents were found.")
            if end is not None:
                self._end_early(end)

        fetching.look = extracting.look = look
        self._parts += [fetching, extracting]
        opened = (
            stage_opened(self._deps.tracing, "fetch", job),
            stage_opened(self._deps.tracing, "extract", job),
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_under(opened[0], fetching.run(extracting.close)))
                group.create_task(_under(opened[1], extracting.run()))
        except BaseExceptionGroup as group:
            return _end_of(_only(group))
        if self._early is not None:
            return self._early
        if (end := after_extraction(spec, documents)) is not None:
            return end
        if not spec.HasField("compare"):
            return SUCCEEDED
        comparing = Comparing(
            lambda compare: self._deps.stages.compare_stream(self.held.ref, compare),
            spec,
            documents,
            writer,
            keep=lambda data: asyncio.to_thread(self._deps.blobs.put, self.held.ref.tenant, data),
        )
        self._parts.append(comparing)
        try:
            with attached(stage_opened(self._deps.tracing, "compare", job)):
                await comparing.run(await self._deps.journal.tiles(self.held.ref))
        except CollatioError as error:
            return _end_of(error)
        return SUCCEEDED


async def _under(context: Context, work: object) -> None:
    with attached(context):
        await work  # type: ignore[misc] # a coroutine, by its callers


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Find what went wrong first in a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _end_of(error: BaseException) -> End:
    """Turn a typed error into the job's end. A store that is away ends no job: the run is begun again."""
    if not isinstance(error, CollatioError) or error.reason in PASSING:
        raise error
    return End("FAILED", str(error.reason), error.message)


def _ttl_ms(spec: pb.JobSpec) -> int:
    return spec.result_ttl.ToMilliseconds() if spec.HasField("result_ttl") else DEFAULT_TTL_MS
