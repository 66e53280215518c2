"""Puts a job's id on every span made under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage
from opentelemetry.sdk.trace import SpanProcessor

from collatio.runtime.telemetry.names import BAGGAGE_JOB_ID, JOB_ID

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

_ID_LENGTH_MAX = 200  # baggage may come from outside: an id longer than any of ours is not stamped


class JobStamp(SpanProcessor):
    """Copies `collatio.job.id` from the baggage of a span's parent context onto the span at its start."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp one span."""
        job_id = baggage.get_baggage(BAGGAGE_JOB_ID, parent_context)
        if isinstance(job_id, str) and 0 < len(job_id) <= _ID_LENGTH_MAX:
            span.set_attribute(JOB_ID, job_id)
