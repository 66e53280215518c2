"""One job's run: fetch and extract side by side, then compare, journaling every outcome as it comes.

A run is a function of the journal: what stands there is not asked for again, so a gateway that takes a job over
starts `run` with the same record and finishes it. Nothing is kept in memory alone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from collatio.runtime.ending import end
from collatio.runtime.errors import Reason
from collatio.runtime.failpoints import reach
from collatio.runtime.telemetry.job_spans import job_progress, job_run
from collatio.runtime.telemetry.traceparent import context_from, traceparent_of
from gateway.run.documents import Documents
from gateway.run.outcome import CANCELLED, End, failed
from gateway.run.pipeline import Pipeline
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


class JobRun:
    """One job under this gateway's lease."""

    def __init__(self, deps: RunDeps, held: Held) -> None:
        self._deps, self.held = deps, held
        self._early: End | None = None
        self._stop = asyncio.Event()

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
        pipeline = Pipeline(self._deps, record, documents, writer, job, end_early=self._end_early)
        work = asyncio.create_task(pipeline.run())
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
            await _drop(pipeline, work)
            return self._early
        finally:
            await end(work, writing, stopping, showing)

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


async def _drop(pipeline: Pipeline, work: asyncio.Task[End]) -> None:
    """Tell the stages that no more is wanted: without it, their work goes on until our interest lapses."""
    pipeline.cancel()
    await asyncio.wait({work}, timeout=DROP_S)


def _ttl_ms(spec: pb.JobSpec) -> int:
    return spec.result_ttl.ToMilliseconds() if spec.HasField("result_ttl") else DEFAULT_TTL_MS
