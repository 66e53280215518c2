"""Read the spans of a job from the mesh that did it, once they have arrived.

Spans reach the trace files up to a second after they have ended. A trace is taken for whole when the job's own
span is there, and every message that was sent has been processed; it is not waited for much longer than that second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import Job
    from collatio.runtime.telemetry.reader import Spans

PATIENCE_S = 2.0
FIRST_LOOK_S = 0.1


def trace_reader(
    folder: Path, job: Job, surroundings: Surroundings
) -> Callable[[], Awaitable[dict[str, Any] | None]]:
    """Make what reads a job's trace from a folder of trace files; it gives None where there is none."""

    async def read() -> dict[str, Any] | None:
        from collatio.report.spans import bars_from_spans, trace_row
        from collatio.runtime.telemetry.reader import read_traces

        if not job.trace_id:
            return None
        until = surroundings.monotonic() + PATIENCE_S
        pause = FIRST_LOOK_S
        spans = read_traces(folder).of_trace(job.trace_id)
        while not is_whole(spans) and (left := until - surroundings.monotonic()) > 0:
            await surroundings.sleep(min(pause, left))
            pause *= 2
            spans = read_traces(folder).of_trace(job.trace_id)
        return trace_row(job.trace_id, bars_from_spans(spans)) if len(spans) else None

    return read


def is_whole(spans: Spans) -> bool:
    """Tell whether nothing that must follow from what is there is missing."""
    from collatio.runtime.telemetry.names import SPAN_JOB_RUN

    parents = {span.parent_id for span in spans}
    sent = (span.span_id for span in spans if span.kind == "PRODUCER")
    return bool(spans.named(SPAN_JOB_RUN)) and all(each in parents for each in sent)
