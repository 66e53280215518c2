"""`Tracing`: the one thing a part needs to make spans and to pass their context on.

Rules kept here, so that callers need not know them:

- An exception's text never enters a span (it may hold document text or credentials): a span gets the reason or
  the class as `error.type`, and our own sentence as its description.
- `span` and `attached` set a context variable and restore it. Do not hold one open across a `yield` of an async
  generator: its end may run in another task, where a context variable cannot be restored (grpc#42295). Use
  `start` with an explicit parent there.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from collatio.runtime.errors import CollatioError
from collatio.runtime.telemetry.names import ERROR_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.trace import Link, Span, Tracer
    from opentelemetry.util.types import AttributeValue

_SUPPRESS_KEY = "suppress_instrumentation"


def w3c_propagator() -> TextMapPropagator:
    """Make the default propagator: W3C Trace Context and W3C Baggage."""
    return CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


@dataclass(frozen=True, slots=True)
class Tracing:
    """Makes spans and carries their context; handed to every part by argument.

    `clock_ns` gives nanoseconds since the Unix epoch and stamps every span made here.
    """

    tracer: Tracer
    propagator: TextMapPropagator
    clock_ns: Callable[[], int] = time.time_ns

    @classmethod
    def noop(cls) -> Tracing:
        """Make one that records nothing but still passes on the context it is given."""
        return cls(NoOpTracer(), w3c_propagator())

    def start(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link] = (),
        start_ns: int | None = None,
    ) -> Span:
        """Start a span that is not made current; the caller owes it `finish`.

        `parent` defaults to the current context; a `Context()` of its own makes a root.
        """
        if is_suppressed():
            return NonRecordingSpan(trace.get_current_span(parent).get_span_context())
        started = self.clock_ns() if start_ns is None else start_ns
        return self.tracer.start_span(
            name,
            context=parent,
            kind=kind,
            attributes=dict(attributes) if attributes else None,
            links=links,
            start_time=started,
        )

    def finish(self, span: Span, error: BaseException | None = None) -> None:
        """End a span, as failed when an error is given."""
        if error is not None:
            mark_failed(span, error)
        span.end(self.clock_ns())

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        """Run a block under a new current span; what it raises marks the span and goes on."""
        span = self.start(name, kind=kind, parent=parent, attributes=attributes, links=links)
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        try:
            yield span
        except BaseException as error:
            mark_failed(span, error)
            raise
        finally:
            otel_context.detach(token)
            span.end(self.clock_ns())

    def inject(self, context: Context | None = None) -> dict[str, str]:
        """Write a context (the current one by default) as headers: traceparent, tracestate, baggage."""
        headers: dict[str, str] = {}
        self.propagator.inject(headers, context=context)
        return headers

    def extract(self, carrier: Mapping[str, object]) -> Context:
        """Read a context from headers; headers that are absent, malformed or not text are ignored."""
        wanted = self.propagator.fields
        headers = {key: value for key in wanted if isinstance(value := carrier.get(key), str)}
        return self.propagator.extract(headers, context=otel_context.Context())


@contextmanager
def attached(context: Context) -> Iterator[None]:
    """Make a context current for a block."""
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


@contextmanager
def suppressed() -> Iterator[None]:
    """Make no spans in a block: for pollers and heartbeats, whose spans would drown a job's own."""
    with attached(otel_context.set_value(_SUPPRESS_KEY, True)):
        yield


def is_suppressed() -> bool:
    """Tell whether the running code is inside `suppressed`."""
    return bool(otel_context.get_value(_SUPPRESS_KEY))


def error_type(error: BaseException) -> str:
    """Name an error for `error.type`: our reason, or the class; never its text."""
    if isinstance(error, CollatioError):
        return error.reason.value
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def mark_failed(span: Span, error: BaseException) -> None:
    """Set a span's status to ERROR with the error's type, and our own sentence where there is one."""
    span.set_attribute(ERROR_TYPE, error_type(error))
    span.set_status(Status(StatusCode.ERROR, error.message if isinstance(error, CollatioError) else None))
