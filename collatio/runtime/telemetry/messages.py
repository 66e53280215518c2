"""Spans of Celery messages: `send <queue>` where they are published, `process <queue>` where they are worked on.

A batch of messages has one PRODUCER span, whose context goes into each message's headers; the CONSUMER span of
a message is its child, not linked to it, because a message never mixes jobs: the whole job stays one trace. The
header `enqueued_at` lets the consumer tell waiting from working.

In a Celery task the headers come back as `self.request.headers` (None where a message had none).
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from collatio.runtime.telemetry.names import (
    ATTEMPT,
    HEADER_ENQUEUED_AT,
    MESSAGING_BATCH_MESSAGE_COUNT,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_MESSAGE_ID,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM,
    QUEUE_WAIT,
    STEP_COUNT,
)
from collatio.runtime.telemetry.tracing import error_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span

    from collatio.runtime.telemetry.metrics import Instruments
    from collatio.runtime.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Sending:
    """A batch being sent: publish each message with `headers()`."""

    span: Span
    tracing: Tracing
    context: Context

    def headers(self) -> dict[str, str]:
        """Make one message's headers: the batch's context, and now as Unix seconds in decimal."""
        headers = self.tracing.inject(self.context)
        headers[HEADER_ENQUEUED_AT] = f"{self.tracing.clock_ns() / 1e9:.6f}"
        return headers


@contextmanager
def sending(
    tracing: Tracing,
    queue: str,
    *,
    message_count: int = 1,
    parent: Context | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Sending]:
    """Run a block that publishes a batch of one job's messages under one PRODUCER span.

    `parent` is where the job's stage stands (`job_spans.anchor`), `links` the call that asked.
    """
    attributes = {
        **_attributes(queue, "send"),
        # Conventions, messaging: the count is for batches; a single message has none.
        **({MESSAGING_BATCH_MESSAGE_COUNT: message_count} if message_count != 1 else {}),
    }
    with tracing.span(
        f"send {queue}", kind=SpanKind.PRODUCER, parent=parent, attributes=attributes, links=links
    ) as span:
        yield Sending(span, tracing, trace.set_span_in_context(span, parent))


@contextmanager
def processing(
    tracing: Tracing,
    queue: str,
    headers: Mapping[str, object] | None,
    *,
    message_id: str,
    attempt: int | None = None,
    step_count: int | None = None,
    links: Sequence[Link] = (),
    instruments: Instruments | None = None,
) -> Iterator[Span]:
    """Run a message's work under its CONSUMER span, and record its duration and its wait.

    Missing or broken headers make a trace of its own, never an error. `links` are for a redelivery: what was
    done for the message before.
    """
    received_ns = tracing.clock_ns()
    carried = headers or {}
    wait_s = queue_wait_s(carried, received_ns)
    attributes = _attributes(queue, "process") | {MESSAGING_MESSAGE_ID: message_id}
    for name, value in ((QUEUE_WAIT, wait_s), (ATTEMPT, attempt), (STEP_COUNT, step_count)):
        if value is not None:
            attributes[name] = value
    failed: str | None = None
    try:
        with tracing.span(
            f"process {queue}",
            kind=SpanKind.CONSUMER,
            parent=tracing.extract(carried),
            attributes=attributes,
            links=links,
        ) as span:
            yield span
    except BaseException as error:
        failed = error_type(error)
        raise
    finally:
        duration_s = (tracing.clock_ns() - received_ns) / 1e9
        if instruments is not None:
            instruments.record_process(queue, duration_s, wait_s, failed)


def queue_wait_s(headers: Mapping[str, object], now_ns: int) -> float | None:
    """Compute how long a message waited, in seconds; None where its header is absent or no number.

    The clocks of two machines differ: a wait is never shown below zero.
    """
    try:
        enqueued_s = float(str(headers.get(HEADER_ENQUEUED_AT, "")))
    except ValueError:
        return None
    return max(0.0, now_ns / 1e9 - enqueued_s) if math.isfinite(enqueued_s) else None


def _attributes(queue: str, operation: str) -> dict[str, str | int | float]:
    return {
        MESSAGING_SYSTEM: "celery",
        MESSAGING_OPERATION_NAME: operation,
        MESSAGING_OPERATION_TYPE: operation,
        MESSAGING_DESTINATION_NAME: queue,
    }
