"""The facade every part makes its spans with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.telemetry.traceparent import trace_id_of, traceparent_of, with_job
from collatio.runtime.telemetry.tracing import Tracing, attached, suppressed


def test_nested_spans_form_a_tree_by_the_injected_clock(tracing: Any, recorder: Any, clock: Any) -> None:
    """A span inside another is its child; both are timed by the clock that was handed in."""
    with tracing.span("outer", kind=SpanKind.SERVER, attributes={"n": 1}):
        clock.advance(2)
        with tracing.span("inner"):
            clock.advance(1)
    outer, inner = recorder.spans
    assert (outer.name, outer.kind, outer.parent_id, outer.attributes) == ("outer", "SERVER", None, {"n": 1})
    assert (inner.parent_id, inner.trace_id) == (outer.span_id, outer.trace_id)
    assert inner.duration_s == pytest.approx(1, abs=1e-6)
    assert outer.duration_s == pytest.approx(3, abs=1e-6)


def test_a_typed_error_gives_its_reason_and_its_sentence(tracing: Any, recorder: Any) -> None:
    """Our own error is written for people: its reason and message may be shown."""
    with pytest.raises(CollatioError), tracing.span("x"):
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The file is cut short.")
    (span,) = recorder.spans
    assert (span.status, span.status_message) == ("ERROR", "The file is cut short.")
    assert span.attributes == {"error.type": "DOCUMENT_CORRUPT"}


def test_another_errors_text_never_enters_a_span(tracing: Any, recorder: Any) -> None:
    """A parser's message may quote the document: only its class is kept, without events."""
    with pytest.raises(UnicodeDecodeError), tracing.span("x"):
        b"canary \xff".decode()
    (span,) = recorder.spans
    assert (span.status, span.status_message, span.events) == ("ERROR", "", ())
    assert span.attributes == {"error.type": "UnicodeDecodeError"}
    assert "canary" not in repr(span)


async def test_cancellation_marks_the_span_and_goes_on(tracing: Any, recorder: Any) -> None:
    """A cancelled block ends its span and stays cancelled."""

    async def work() -> None:
        with tracing.span("x"):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorder.spans.spans[0].attributes == {"error.type": "asyncio.exceptions.CancelledError"}


def test_context_goes_through_headers_with_the_jobs_id(tracing: Any, recorder: Any) -> None:
    """What `inject` writes, `extract` reads: trace, parent and job."""
    with attached(with_job("jobs/7")), tracing.span("sender"):
        headers = tracing.inject()
    assert set(headers) == {"traceparent", "baggage"}
    with tracing.span("receiver", parent=tracing.extract(headers)):
        pass
    sender, receiver = recorder.spans
    assert receiver.parent_id == sender.span_id
    assert receiver.attributes["collatio.job.id"] == "jobs/7"


@pytest.mark.parametrize(
    "headers",
    [{}, {"traceparent": "nonsense"}, {"traceparent": 7}, {"traceparent": None}, {"baggage": "a" * 9000}],
)
def test_unreadable_headers_make_a_root(tracing: Any, recorder: Any, headers: dict[str, object]) -> None:
    """A message from elsewhere never breaks its work: it gets a trace of its own."""
    with tracing.span("x", parent=tracing.extract(headers)):
        pass
    assert recorder.spans.spans[0].parent_id is None


def test_extraction_ignores_the_current_context(tracing: Any, recorder: Any) -> None:
    """A message without headers is a root even where some span is current."""
    with tracing.span("pool loop"), tracing.span("x", parent=tracing.extract({})):
        pass
    assert [span.parent_id for span in recorder.spans] == [None, None]


def test_the_job_id_is_on_every_span_below(tracing: Any, recorder: Any) -> None:
    """Explicit parents, current ones and grandchildren all carry the job, and others do not."""
    job = with_job("j-1", Context())
    with tracing.span("a", parent=job), tracing.span("b"):
        tracing.finish(tracing.start("c"))
    tracing.finish(tracing.start("elsewhere"))
    assert {span.name: span.attributes.get("collatio.job.id") for span in recorder.spans} == {
        "a": "j-1",
        "b": "j-1",
        "c": "j-1",
        "elsewhere": None,
    }


def test_an_oversized_job_id_from_outside_is_not_stamped(tracing: Any, recorder: Any) -> None:
    """Baggage may come from any caller: what cannot be an id of ours stays off the spans."""
    tracing.finish(tracing.start("x", parent=with_job("j" * 1000, Context())))
    assert "collatio.job.id" not in recorder.spans.spans[0].attributes


def test_suppressed_code_makes_no_spans_but_keeps_its_context(tracing: Any, recorder: Any) -> None:
    """Inside `suppressed`, spans vanish and what is injected is still the surrounding trace."""
    with tracing.span("job"):
        before = traceparent_of()
        with suppressed(), tracing.span("poll"), tracing.span("poll deeper"):
            assert tracing.inject()["traceparent"] == before
        with tracing.span("work"):
            pass
    assert [span.name for span in recorder.spans] == ["job", "work"]


def test_the_noop_records_nothing_and_passes_the_context_on() -> None:
    """A part under test gets `Tracing.noop()`: the caller's trace still goes through it."""
    tracing = Tracing.noop()
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with tracing.span("x", parent=tracing.extract(headers)) as span:
        span.set_attribute("a", 1)
        assert tracing.inject() == headers
        assert trace_id_of() == "0af7651916cd43dd8448eb211c80319c"
    assert not trace.get_current_span().get_span_context().is_valid
