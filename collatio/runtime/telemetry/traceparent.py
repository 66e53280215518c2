"""A span's place in its trace as one line of text, to keep in a record and to link to later.

The line is the W3C `traceparent` header (Trace Context, section 3.2). Records always use it, whatever
OTEL_PROPAGATORS says about the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from collatio.runtime.telemetry.names import BAGGAGE_JOB_ID, LINKS_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import SpanContext


def traceparent_of(where: Span | Context | None = None) -> str:
    """Write the span, or a context's span (the current one by default); empty when there is none."""
    context = trace.set_span_in_context(where, Context()) if isinstance(where, Span) else where
    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers, context=context)
    return headers.get("traceparent", "")


def span_context_of(traceparent: str) -> SpanContext:
    """Read a line back; an unreadable one gives an invalid span context."""
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context=Context())
    return trace.get_current_span(context).get_span_context()


def context_from(traceparent: str, job_id: str | None = None) -> Context:
    """Make a context to stand under, from a record; with `job_id`, its spans carry the job's id."""
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context=Context())
    return context if job_id is None else with_job(job_id, context)


def with_job(job_id: str, context: Context | None = None) -> Context:
    """Put a job's id into a context's baggage, so that every span below carries `collatio.job.id`."""
    return baggage.set_baggage(BAGGAGE_JOB_ID, job_id, context)


def trace_id_of(where: Span | Context | None = None) -> str:
    """Write the trace id as 32 hex digits; empty when there is no trace."""
    span = where if isinstance(where, Span) else trace.get_current_span(where)
    context = span.get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""


def links_to(traceparents: Sequence[str]) -> list[Link]:
    """Make links to spans known by their lines; unreadable lines are left out, the last 128 are kept."""
    contexts = [span_context_of(line) for line in traceparents[-LINKS_MAX:]]
    return [Link(context) for context in contexts if context.is_valid]
