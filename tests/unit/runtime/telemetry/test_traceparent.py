"""A span's place in its trace, as a line in a record."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context

from collatio.runtime.telemetry.traceparent import (
    context_from,
    links_to,
    span_context_of,
    trace_id_of,
    traceparent_of,
)

LINE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_line_read_back_is_the_same_line() -> None:
    """A record written by one process is a parent in another."""
    assert traceparent_of(context_from(LINE)) == LINE
    assert trace_id_of(context_from(LINE)) == LINE[3:35]


def test_a_span_is_written_and_stood_under(tracing: Any, recorder: Any) -> None:
    """`traceparent_of` a span, `context_from` it: what is made there is its child, with the job's id."""
    parent = tracing.start("parent")
    tracing.finish(tracing.start("child", parent=context_from(traceparent_of(parent), "j-1")))
    tracing.finish(parent)
    first, second = recorder.spans
    assert second.parent_id == first.span_id
    assert second.attributes["collatio.job.id"] == "j-1"


def test_nothing_is_written_as_nothing() -> None:
    """Outside a trace the line and the id are empty, and an empty line is no parent."""
    assert traceparent_of() == trace_id_of() == ""
    assert traceparent_of(Context()) == ""
    assert not span_context_of("").is_valid


def test_links_leave_out_what_cannot_be_read_and_keep_the_last_128() -> None:
    """A span keeps only its last 128 links, so no more are made."""
    lines = ["nonsense", *(f"00-{1:032x}-{number:016x}-01" for number in range(1, 301))]
    links = links_to(lines)
    assert [link.context.span_id for link in links] == list(range(173, 301))
    assert links_to(["nonsense", ""]) == []


def test_more_links_than_128_are_counted_as_dropped(tracing: Any, recorder: Any) -> None:
    """Links added later push out the first; the span says how many."""
    span = tracing.start("x")
    for number in range(1, 131):
        span.add_link(span_context_of(f"00-{1:032x}-{number:016x}-01"))
    tracing.finish(span)
    (record,) = recorder.spans
    assert len(record.links) == 128
    assert int(record.links[0].span_id, 16) == 3
    assert recorder.ended[0].dropped_links == 2
