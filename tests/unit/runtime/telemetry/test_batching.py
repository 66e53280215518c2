"""The queue between the program and its exporter."""

from __future__ import annotations

import multiprocessing
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider, sampling

from collatio.runtime.telemetry.batching import BatchingProcessor, BatchLimits, ExportCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

LONG_S = 600.0  # a delay no test waits for


@dataclass
class Sink:
    """Keeps what arrives; `gate` holds exports up, `refusing` turns them away, `raising` raises."""

    batches: list[list[str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    refusing: bool = False
    raising: bool = False
    closed: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    def export(self, spans: Sequence[ReadableSpan]) -> int:
        """Take a batch."""
        self.entered.set()
        self.gate.wait(30)
        if self.raising:
            raise OSError("no route")
        if self.refusing:
            return 0
        self.batches.append([span.name for span in spans])
        self.arrived.set()
        return len(spans)

    def discarded(self) -> int:
        """Throw nothing away."""
        return 0

    def close(self) -> None:
        """Note the end."""
        self.closed = True

    @property
    def names(self) -> list[str]:
        """Give the names of all that arrived, in order."""
        return [name for batch in self.batches for name in batch]


@pytest.fixture
def sink() -> Sink:
    """Make a sink that lets everything through."""
    return Sink()


def ends(processor: BatchingProcessor, *names: str, sampler: Any = sampling.ALWAYS_ON) -> None:
    """End spans into a processor."""
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("t")
    for name in names:
        tracer.start_span(name).end()


def test_flush_delivers_what_has_ended_in_order(sink: Sink) -> None:
    """A flush is a promise: all spans before it have arrived, in batches of the limit."""
    processor = BatchingProcessor(sink, BatchLimits(10, 2, LONG_S))
    ends(processor, "a", "b", "c")
    assert processor.flush(10)
    assert sink.names == ["a", "b", "c"]
    assert max(map(len, sink.batches)) <= 2
    assert processor.counts() == ExportCounts(ended=3, exported=3, dropped=0)


def test_a_full_batch_leaves_by_itself(sink: Sink) -> None:
    """The limit is reached: nobody needs to ask."""
    processor = BatchingProcessor(sink, BatchLimits(10, 3, LONG_S))
    ends(processor, "a", "b", "c")
    assert sink.arrived.wait(10)
    assert sink.batches == [["a", "b", "c"]]


def test_a_lone_span_leaves_after_the_delay(sink: Sink) -> None:
    """The delay is short: the span arrives without a flush."""
    processor = BatchingProcessor(sink, BatchLimits(10, 10, 0.01))
    ends(processor, "a")
    assert sink.arrived.wait(10)
    ends(processor, "b")
    assert processor.flush(10)
    assert sink.names == ["a", "b"]


def test_a_prompt_span_takes_those_before_it_along(sink: Sink) -> None:
    """A signpost does not wait for the delay, and overtakes nothing."""
    processor = BatchingProcessor(
        sink, BatchLimits(10, 10, LONG_S), prompt=lambda span: span.name == "signpost"
    )
    ends(processor, "a", "signpost", "b")
    assert sink.arrived.wait(10)
    assert sink.names[:2] == ["a", "signpost"]


def test_a_full_queue_drops_and_counts_and_never_waits(sink: Sink) -> None:
    """The sink hangs: ending spans stays quick, what does not fit is counted."""
    sink.gate.clear()
    processor = BatchingProcessor(sink, BatchLimits(4, 2, LONG_S))
    ends(processor, "a", "b")
    assert sink.entered.wait(10)  # two are in the sink's hands, four more fit
    ends(processor, *"cdefgh")
    assert processor.counts() == ExportCounts(ended=8, exported=0, dropped=2)
    sink.gate.set()
    assert processor.flush(10)
    assert processor.counts() == ExportCounts(ended=8, exported=6, dropped=2)


def test_flush_and_close_keep_to_their_timeouts(sink: Sink) -> None:
    """A sink that hangs for ever delays the program's end by no more than it allows."""
    sink.gate.clear()
    processor = BatchingProcessor(sink, BatchLimits(10, 1, LONG_S))
    ends(processor, "a", "b")
    before = time.monotonic()
    assert not processor.flush(0.05)
    assert not processor.close(0.05)
    assert time.monotonic() - before < 5
    assert sink.closed
    assert processor.counts().dropped == 1  # b; a is still in the sink's hands
    sink.gate.set()


@pytest.mark.parametrize("fault", ["refusing", "raising"])
def test_what_a_sink_does_not_take_is_counted_with_one_warning(
    sink: Sink, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A streak of failures is one warning, its end one line; the text of the failure stays out."""
    setattr(sink, fault, True)
    processor = BatchingProcessor(sink, BatchLimits(10, 1, LONG_S))
    with caplog.at_level("INFO"):
        ends(processor, "a", "b", "c")
        assert processor.flush(10)
        setattr(sink, fault, False)
        ends(processor, "d")
        assert processor.flush(10)
    assert processor.counts() == ExportCounts(ended=4, exported=1, dropped=3)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "no route" not in caplog.text


def test_a_closed_processor_counts_what_comes_late(sink: Sink) -> None:
    """A span that ends after the close is dropped and counted; closing twice is closing once."""
    processor = BatchingProcessor(sink, BatchLimits(10, 10, LONG_S))
    ends(processor, "a")
    assert processor.close(10)
    ends(processor, "late")
    assert processor.close(10)
    assert sink.names == ["a"]
    assert processor.counts() == ExportCounts(ended=2, exported=1, dropped=1)


def test_unsampled_spans_are_not_exported_and_not_counted(sink: Sink) -> None:
    """Sampling decides before us."""
    processor = BatchingProcessor(sink, BatchLimits())
    ends(processor, "a", sampler=sampling.ALWAYS_OFF)
    assert processor.flush(1)
    assert processor.counts() == ExportCounts()


def test_no_thread_is_started_before_the_first_span(sink: Sink) -> None:
    """A parent that only configures may fork."""
    before = threading.active_count()
    processor = BatchingProcessor(sink, BatchLimits())
    assert processor.flush(1)
    assert threading.active_count() == before


def test_a_forked_child_starts_afresh(sink: Sink) -> None:
    """A child inherits neither its parent's waiting spans nor its dead thread: its own spans arrive, once."""
    processor = BatchingProcessor(sink, BatchLimits(10, 10, LONG_S))
    ends(processor, "parent")
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def child() -> None:
        ends(processor, "child")
        flushed = processor.flush(10)
        sending.send((flushed, sink.names, processor.counts()))

    process = context.Process(target=child)
    process.start()
    assert receiving.poll(20)
    assert receiving.recv() == (True, ["child"], ExportCounts(ended=1, exported=1, dropped=0))
    process.join(20)
    assert process.exitcode == 0
    assert processor.flush(10)
    assert sink.names == ["parent"]


def test_many_threads_lose_nothing(sink: Sink) -> None:
    """Eight threads end spans at once: each span arrives exactly once."""
    processor = BatchingProcessor(sink, BatchLimits(100_000, 64, LONG_S))
    threads = [
        threading.Thread(target=ends, args=(processor, *[f"{worker}-{n}" for n in range(200)]))
        for worker in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert processor.flush(20)
    assert sorted(sink.names) == sorted(f"{worker}-{n}" for worker in range(8) for n in range(200))
