"""The spans that make a job one tree."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.telemetry.job_spans import (
    anchor,
    document,
    is_kept,
    job_accepted,
    job_progress,
    job_run,
    stage_opened,
    step_reused,
    tile,
)
from collatio.runtime.telemetry.provider import is_signpost
from collatio.runtime.telemetry.traceparent import context_from, traceparent_of
from collatio.runtime.telemetry.tracing import attached


def test_signposts_are_of_zero_length_and_nest(tracing: Any, recorder: Any) -> None:
    """`job.accepted` under the call, `stage.opened` under it, each with the job's id, each ended when made."""
    with tracing.span("collatio.v1.JobService/CreateJob"):
        job = job_accepted(tracing, "j-1")
        stage_opened(tracing, "fetch", job)
        assert [span.name for span in recorder.spans] == ["job.accepted", "stage.opened fetch"]
    create, accepted, opened = recorder.spans
    assert accepted.parent_id == create.span_id
    assert opened.parent_id == accepted.span_id
    assert accepted.start_ns == accepted.end_ns
    assert opened.start_ns == opened.end_ns
    assert opened.attributes == {"collatio.job.id": "j-1", "collatio.stage": "fetch"}


def test_signposts_are_what_leaves_the_process_at_once(tracing: Any, recorder: Any) -> None:
    """The exporter tells them by their names; long spans and the many reused steps wait for their batch."""
    job = job_accepted(tracing, "j-1")
    stage_opened(tracing, "extract", job)
    job_progress(tracing, job, done=1, failed=0, total=2)
    step_reused(tracing, job, "")
    tracing.finish(job_run(tracing, job))
    assert {span.name: is_signpost(span) for span in recorder.ended} == {
        "job.accepted": True,
        "stage.opened extract": True,
        "job.progress": True,
        "step.reused": False,
        "job.run": False,
    }


def test_the_run_is_one_long_span_and_a_takeover_links_to_the_one_before(
    tracing: Any, recorder: Any, clock: Any
) -> None:
    """A gateway that takes a job over stands under the same signpost, from the record alone."""
    job = job_accepted(tracing, "j-1")
    record = traceparent_of(job)
    first = job_run(tracing, job, document_count=100)
    second = job_run(tracing, context_from(record, "j-1"), after=traceparent_of(first))
    clock.advance(3)
    tracing.finish(second)
    accepted, taken_over = recorder.spans
    assert taken_over.parent_id == accepted.span_id
    assert int(taken_over.links[0].span_id, 16) == first.get_span_context().span_id
    assert taken_over.duration_s == pytest.approx(3, abs=1e-3)
    assert taken_over.attributes["collatio.job.id"] == "j-1"


def test_the_anchor_is_the_stages_signpost_wherever_it_arrives(tracing: Any, recorder: Any) -> None:
    """Through a call's headers, below a SERVER span: the work stands under `stage.opened`."""
    stage = stage_opened(tracing, "fetch", job_accepted(tracing, "j-1"))
    with attached(stage), tracing.span("CLIENT"):
        headers = tracing.inject()
    with tracing.span("SERVER", parent=tracing.extract(headers)), tracing.span("send", parent=anchor()):
        pass
    spans = recorder.spans
    assert spans.named("send")[0].parent_id == spans.named("stage.opened fetch")[0].span_id
    assert spans.named("SERVER")[0].parent_id == spans.named("CLIENT")[0].span_id
    assert spans.named("send")[0].attributes["collatio.job.id"] == "j-1"
    assert (len(spans.roots()), spans.orphans()) == (1, [])


def test_without_an_anchor_work_stands_where_it_is(tracing: Any, recorder: Any) -> None:
    """A stage used alone, by grpcurl: its work is under its call; an anchor of another trace does not count."""
    with tracing.span("SERVER"), tracing.span("send", parent=anchor()):
        pass
    foreign = tracing.extract({"baggage": f"collatio.anchor=00-{7:032x}-{7:016x}-01"})
    with tracing.span("other SERVER", parent=foreign), tracing.span("other send", parent=anchor()):
        pass
    assert [child.name for root in recorder.spans.roots() for child in recorder.spans.children_of(root)] == [
        "send",
        "other send",
    ]


def test_a_reused_step_links_to_the_work_it_reuses(tracing: Any, recorder: Any) -> None:
    """Every document of every job is in its own trace, and the reader can go to where the work was done."""
    original = f"00-{7:032x}-{8:016x}-01"
    step_reused(tracing, job_accepted(tracing, "j-2"), original, document_id="d-1")
    reused = recorder.spans.named("step.reused")[0]
    assert (reused.links[0].trace_id, reused.links[0].span_id) == (f"{7:032x}", f"{8:016x}")
    assert reused.attributes == {"collatio.job.id": "j-2", "collatio.document.id": "d-1"}
    assert reused.start_ns == reused.end_ns


def test_a_document_is_a_child_of_its_messages_span(tracing: Any, recorder: Any) -> None:
    """INTERNAL, with the document's id; what is done for it stands below."""
    with tracing.span("process collatio.fetch"), document(tracing, "d-1"), tracing.span("download"):
        pass
    process, one, download = recorder.spans
    assert (one.name, one.kind, one.parent_id) == ("document", "INTERNAL", process.span_id)
    assert one.attributes == {"collatio.document.id": "d-1"}
    assert download.parent_id == one.span_id


def test_of_a_huge_job_the_same_part_of_the_documents_is_kept_everywhere() -> None:
    """By the id alone: every process decides alike, and the part is the one that was asked for."""
    ids = [f"d-{number}" for number in range(10_000)]
    kept = [one for one in ids if is_kept(one, 0.1)]
    assert 900 < len(kept) < 1_100
    assert all(is_kept(one, 0.2) for one in kept)
    assert all(is_kept(one, 1.0) for one in ids)
    assert not any(is_kept(one, 0.0) for one in ids)


def test_a_document_that_is_not_kept_makes_no_spans(tracing: Any, recorder: Any) -> None:
    """Nothing of it, nor of what is done for it; what comes after is traced again."""
    with tracing.span("process"):
        with document(tracing, "d-1", keep_ratio=0.0) as span, tracing.span("download"):
            span.set_attribute("a", 1)
        with tracing.span("commit"):
            pass
    assert [span.name for span in recorder.spans] == ["process", "commit"]


def test_a_failed_or_slow_document_is_always_kept(tracing: Any, recorder: Any, clock: Any) -> None:
    """The ones worth looking at are there, with their true times, below the message's span."""

    def fail_after_a_second() -> None:
        with document(tracing, "failed", keep_ratio=0.0):
            clock.advance(1)
            raise CollatioError(Reason.DOCUMENT_CORRUPT)

    with tracing.span("process"):
        with pytest.raises(CollatioError):
            fail_after_a_second()
        with document(tracing, "slow", keep_ratio=0.0, slow_s=5):
            clock.advance(6)
    process, failed, slow = recorder.spans
    assert failed.parent_id == slow.parent_id == process.span_id
    assert failed.attributes == {"collatio.document.id": "failed", "error.type": "DOCUMENT_CORRUPT"}
    assert (failed.status, slow.status) == ("ERROR", "UNSET")
    assert failed.duration_s == pytest.approx(1, abs=1e-3)
    assert slow.duration_s == pytest.approx(6, abs=1e-3)


def test_a_tile_links_the_documents_it_holds(tracing: Any, recorder: Any) -> None:
    """From a tile the reader goes to the extractions it compared."""
    lines = [f"00-{7:032x}-{number:016x}-01" for number in range(1, 5)]
    with tile(tracing, lines, pair_count=6):
        pass
    (span,) = recorder.spans
    assert [int(link.span_id, 16) for link in span.links] == [1, 2, 3, 4]
    assert span.attributes == {"collatio.pair.count": 6}


def test_a_signpost_leaves_the_current_context_alone(tracing: Any) -> None:
    """The context to stand under is returned, never attached."""
    job = job_accepted(tracing, "j-1", Context())
    assert not trace.get_current_span().get_span_context().is_valid
    assert trace.get_current_span(job).get_span_context().is_valid
