"""The spans that make a job one tree: signposts everybody stands under, the long run, documents and tiles.

    job.accepted                      zero length, exported at once
    ├ job.run                         the gateway's long span, exported when the job ends
    ├ job.progress                    zero length, every so often while it runs
    ├ stage.opened <stage>            zero length, exported at once
    │ └ PRODUCER send … └ CONSUMER process … └ document └ download, blob.put, …
    └ step.reused                     zero length, linked to the work done for another job

A span is exported when it ends, so whoever looks at a job that is stuck would see orphans under a long parent:
what others stand under is short and leaves at once. Long SERVER and CLIENT spans parent nothing but each other;
the stage's signpost travels in the baggage as the *anchor*, and the work stands under that.
"""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan

from collatio.runtime.telemetry.names import (
    BAGGAGE_ANCHOR,
    DOCUMENT_COUNT,
    DOCUMENT_ID,
    PAIR_COUNT,
    PROGRESS_DONE,
    PROGRESS_FAILED,
    PROGRESS_TOTAL,
    SPAN_DOCUMENT,
    SPAN_JOB_ACCEPTED,
    SPAN_JOB_PROGRESS,
    SPAN_JOB_RUN,
    SPAN_STAGE_OPENED,
    SPAN_STEP_REUSED,
    SPAN_TILE,
    STAGE,
)
from collatio.runtime.telemetry.traceparent import (
    links_to,
    span_context_of,
    traceparent_of,
    with_job,
)
from collatio.runtime.telemetry.tracing import suppressed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span
    from opentelemetry.util.types import AttributeValue

    from collatio.runtime.telemetry.tracing import Tracing


def signpost(
    tracing: Tracing,
    name: str,
    parent: Context | None = None,
    *,
    attributes: Mapping[str, AttributeValue] | None = None,
    links: Sequence[Link] = (),
) -> Context:
    """Make a span of zero length, ended already; returns the context to stand under it."""
    now_ns = tracing.clock_ns()
    span = tracing.start(name, parent=parent, attributes=attributes, links=links, start_ns=now_ns)
    span.end(now_ns)
    return trace.set_span_in_context(span, parent)


def job_accepted(tracing: Tracing, job_id: str, parent: Context | None = None) -> Context:
    """Put up the signpost that a whole job stands under (`parent`: the CreateJob call, by default current).

    Keep `traceparent_of` the result in the job's record: `context_from` brings it back in any process.
    """
    return signpost(tracing, SPAN_JOB_ACCEPTED, with_job(job_id, parent))


def stage_opened(tracing: Tracing, stage: str, job: Context, *, links: Sequence[Link] = ()) -> Context:
    """Put up a stage's signpost; calls made with the returned context current carry it as their anchor."""
    context = signpost(tracing, f"{SPAN_STAGE_OPENED} {stage}", job, attributes={STAGE: stage}, links=links)
    return baggage.set_baggage(BAGGAGE_ANCHOR, traceparent_of(context), context)


def anchor(context: Context | None = None) -> Context:
    """Find where a stage's work stands: the stage's signpost, or the context itself for a caller without one.

    The anchor counts only within the same trace.
    """
    line = baggage.get_baggage(BAGGAGE_ANCHOR, context)
    here = trace.get_current_span(context).get_span_context()
    there = span_context_of(line) if isinstance(line, str) else trace.INVALID_SPAN_CONTEXT
    if there.is_valid and there.trace_id == here.trace_id:
        return trace.set_span_in_context(NonRecordingSpan(there), context)
    return trace.set_span_in_context(trace.get_current_span(context), context)


def job_run(tracing: Tracing, job: Context, *, document_count: int = 0, after: str = "") -> Span:
    """Start the gateway's long span of a job; end it with `tracing.finish` when the job ends.

    `after` is the traceparent of the run that another gateway began: taking a job over links to it.
    """
    return tracing.start(
        SPAN_JOB_RUN, parent=job, attributes={DOCUMENT_COUNT: document_count}, links=links_to([after])
    )


def job_progress(tracing: Tracing, job: Context, *, done: int, failed: int, total: int) -> None:
    """Show how far a running job is, as a signpost under `job.accepted`; counts are documents."""
    counts = {PROGRESS_DONE: done, PROGRESS_FAILED: failed, PROGRESS_TOTAL: total}
    signpost(tracing, SPAN_JOB_PROGRESS, job, attributes=counts)


def step_reused(tracing: Tracing, parent: Context, original: str, *, document_id: str = "") -> Context:
    """Show, in this job's trace, a step done for another, linked to it by its traceparent."""
    attributes = {DOCUMENT_ID: document_id} if document_id else None
    return signpost(tracing, SPAN_STEP_REUSED, parent, attributes=attributes, links=links_to([original]))


@contextmanager
def document(
    tracing: Tracing, document_id: str, *, keep_ratio: float = 1.0, slow_s: float = 5.0
) -> Iterator[Span]:
    """Run one document's work under its own span, below the current one.

    Of a very large job only a part is kept, `keep_ratio` of its documents, the same ones in every process. A
    document outside that part makes no spans, unless it fails or takes `slow_s` seconds or more: then its own
    span is written afterwards, without children.
    """
    attributes = {DOCUMENT_ID: document_id}
    if is_kept(document_id, keep_ratio):
        with tracing.span(SPAN_DOCUMENT, attributes=attributes) as span:
            yield span
        return
    parent = otel_context.get_current()
    started_ns = tracing.clock_ns()
    failure: BaseException | None = None
    try:
        with suppressed():
            yield trace.INVALID_SPAN
    except BaseException as error:
        failure = error
        raise
    finally:
        if failure is not None or tracing.clock_ns() - started_ns >= slow_s * 1e9:
            late = tracing.start(SPAN_DOCUMENT, parent=parent, attributes=attributes, start_ns=started_ns)
            tracing.finish(late, failure)


@contextmanager
def tile(tracing: Tracing, documents: Sequence[str], *, pair_count: int) -> Iterator[Span]:
    """Run a tile of pairs under its own span, linked to its documents' spans (their traceparents)."""
    with tracing.span(SPAN_TILE, attributes={PAIR_COUNT: pair_count}, links=links_to(documents)) as span:
        yield span


def is_kept(document_id: str, keep_ratio: float) -> bool:
    """Decide by the id alone whether a document's spans are kept, so that every process decides alike."""
    return keep_ratio >= 1.0 or zlib.crc32(document_id.encode()) < keep_ratio * 2**32
