"""Carries ended spans to a sink in the background, in batches, without ever holding up the program.

Why not the SDK's BatchSpanProcessor: its `force_flush` ignores its timeout, it starts its thread when it is made
(a thread before a fork is lost in the child), it counts its drops nowhere, and it cannot let one span through at
once. The settings are the same (OTEL_BSP_*).

The rules:

- `on_end` only appends; a full queue drops the new span and counts it.
- The thread starts with the first span, so a processor may be made before a fork; a child that inherits one
  starts afresh, without its parent's spans.
- A batch leaves when it is full, when its oldest span has waited the delay, when a prompt span is in it, or
  when somebody flushes. `flush` and `close` wait no longer than they are told.
- A sink that raises or refuses costs its spans, which are counted, and one warning a streak.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from opentelemetry.sdk.trace import SpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_log = logging.getLogger(__name__)


class SpanSink(Protocol):
    """Where spans go."""

    def export(self, spans: Sequence[ReadableSpan]) -> int:
        """Deliver one batch, and tell how many of its spans arrived. Called by one thread at a time."""

    def discarded(self) -> int:
        """Count spans that were delivered and have since been thrown away to keep within bounds."""

    def close(self) -> None:
        """Let go of what is held. May come while another thread exports: it never waits for that."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch leaves and how much may wait: OTEL_BSP_MAX_QUEUE_SIZE and its sisters."""

    queue_size: int = 2048
    batch_size: int = 512
    delay_s: float = 5.0


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """How many sampled spans ended, how many arrived, how many were lost; the rest still waits."""

    ended: int = 0
    exported: int = 0
    dropped: int = 0

    def __add__(self, other: ExportCounts) -> ExportCounts:
        return ExportCounts(
            self.ended + other.ended, self.exported + other.exported, self.dropped + other.dropped
        )


class BatchingProcessor(SpanProcessor):
    """Queues ended spans for one sink. `prompt` says which spans must not wait for the delay."""

    def __init__(
        self,
        sink: SpanSink,
        limits: BatchLimits,
        *,
        prompt: Callable[[ReadableSpan], bool] = lambda _: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._limits = limits
        self._prompt = prompt
        self._monotonic = monotonic
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._wake = threading.Condition()
        self._queue: deque[ReadableSpan] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._due_at = 0.0  # monotonic seconds; meaningful while the queue holds something
        # Positions count accepted spans: `taken` and `handled` chase `accepted`, `urgent` is where to hurry to.
        self._accepted = self._taken = self._handled = self._urgent = 0
        self._ended = self._exported = self._dropped = 0
        self._failing = False

    def on_end(self, span: ReadableSpan) -> None:
        """Queue one span; never blocks on the sink."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        if self._pid != os.getpid():
            self._start_afresh()
        with self._wake:
            self._ended += 1
            if self._closed or len(self._queue) >= self._limits.queue_size or not self._ensure_thread():
                self._dropped += 1
                return
            if not self._queue:
                self._due_at = self._monotonic() + self._limits.delay_s
            self._queue.append(span)
            self._accepted += 1
            if self._prompt(span):
                self._urgent = self._accepted
            # The first span arms the delay; in between, the thread sleeps on.
            if len(self._queue) == 1 or self._is_due():
                self._wake.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Deliver what has ended so far; False when that takes longer than `timeout_s` seconds."""
        if self._pid != os.getpid():
            self._start_afresh()
        with self._wake:
            target = self._accepted
            self._urgent = max(self._urgent, target)
            self._wake.notify_all()
            return self._wake.wait_for(lambda: self._handled >= target, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Flush, refuse what comes later, let the sink go; False when spans were left behind (counted)."""
        delivered = self.flush(timeout_s)
        with self._wake:
            if self._closed:
                return delivered
            self._closed = True
            self._dropped += len(self._queue)
            self._queue.clear()
            self._wake.notify_all()
        self._sink.close()
        return delivered

    def counts(self) -> ExportCounts:
        """Count what became of the spans so far."""
        with self._wake:
            discarded = self._sink.discarded()
            return ExportCounts(self._ended, self._exported - discarded, self._dropped + discarded)

    def shutdown(self) -> None:
        """Close with the SDK's default patience (its own contract has no timeout)."""
        self.close(timeout_s=30.0)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush, as the SDK asks for it."""
        return self.flush(timeout_millis / 1000)

    def _ensure_thread(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="collatio-spans", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is stopping: the span is dropped
                return False
            self._thread = thread
        return True

    def _is_due(self) -> bool:
        if not self._queue:
            return False
        return (
            self._taken < self._urgent
            or len(self._queue) >= self._limits.batch_size
            or self._monotonic() >= self._due_at
        )

    def _run(self) -> None:
        while batch := self._next_batch():
            arrived = self._deliver(batch)
            with self._wake:
                self._handled += len(batch)
                self._exported += arrived
                self._dropped += len(batch) - arrived
                self._wake.notify_all()

    def _next_batch(self) -> list[ReadableSpan]:
        """Wait for the next batch; empty once the processor is closed."""
        with self._wake:
            while not self._is_due():
                if self._closed:
                    return []
                self._wake.wait(max(0.0, self._due_at - self._monotonic()) if self._queue else None)
            size = min(len(self._queue), self._limits.batch_size)
            batch = [self._queue.popleft() for _ in range(size)]
            self._taken += size
            self._due_at = self._monotonic() + self._limits.delay_s
            return batch

    def _deliver(self, batch: list[ReadableSpan]) -> int:
        try:
            arrived = self._sink.export(batch)
        except Exception:  # noqa: BLE001 - whatever a sink raises, the program goes on and the spans are counted
            arrived = 0
            _log.debug("The span exporter raised.", exc_info=True)
        failing = arrived < len(batch)
        if failing and not self._failing:
            _log.warning("Spans cannot be exported and are dropped; jobs are not affected.")
        elif self._failing and not failing:
            _log.info("Spans are exported again.")
        self._failing = failing
        return arrived
