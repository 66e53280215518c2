"""One job is one trace, from the caller through gateway, servers, queues and workers (docs: architecture)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from collatio.client import DocumentState
from tests.telemetry.conftest import CALLER_SPAN, CALLER_TRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from collatio.runtime.telemetry.reader import SpanRecord, Spans
    from tests.telemetry.conftest import Traced

pytestmark = [pytest.mark.stack]

EXTRACTED, FAILED = DocumentState.DOCUMENT_STATE_EXTRACTED, DocumentState.DOCUMENT_STATE_FAILED
STAGES = {"fetch": "Fetch", "extract": "Extract", "compare": "Compare"}
CREATE = "SERVER collatio.v1.JobService/CreateJob"
ACCEPTED = "INTERNAL job.accepted"
TREE = {
    (CREATE, ACCEPTED),
    (ACCEPTED, "INTERNAL job.run"),
    *((ACCEPTED, f"INTERNAL stage.opened {stage}") for stage in STAGES),
    *((f"INTERNAL stage.opened {s}", f"CLIENT collatio.v1.{n}Service/{n}") for s, n in STAGES.items()),
    *((f"CLIENT collatio.v1.{n}Service/{n}", f"SERVER collatio.v1.{n}Service/{n}") for n in STAGES.values()),
    *((f"INTERNAL stage.opened {stage}", f"PRODUCER send collatio.{stage}") for stage in STAGES),
    *((f"PRODUCER send collatio.{s}", f"CONSUMER process collatio.{s}") for s in STAGES),
    ("CONSUMER process collatio.fetch", "INTERNAL document"),
    ("CONSUMER process collatio.extract", "INTERNAL document"),
    ("INTERNAL document", "INTERNAL download"),
    ("CONSUMER process collatio.compare", "INTERNAL plan"),
    ("CONSUMER process collatio.compare", "INTERNAL tile"),
    ("INTERNAL stage.opened fetch", "INTERNAL document"),  # what failed before it came to a worker
}
REUSED = {
    ("INTERNAL stage.opened extract", "INTERNAL step.reused"),
    ("INTERNAL stage.opened compare", "INTERNAL step.reused"),
}


def edges(spans: Spans) -> set[tuple[str, str]]:
    """Name who stands under whom."""
    by_id = {span.span_id: span for span in spans}
    return {
        (_name(by_id[span.parent_id]), _name(span))
        for span in spans
        if span.parent_id and span.parent_id in by_id
    }


def _name(span: SpanRecord) -> str:
    return f"{span.kind} {span.name}"


def under(spans: Spans, queue: str, name: str) -> list[SpanRecord]:
    """Find the spans of a name directly under a queue's CONSUMER spans."""
    consumers = {span.span_id for span in spans.named(f"process {queue}")}
    return [span for span in spans.named(name) if span.parent_id in consumers]


def document_ids(spans: Iterable[SpanRecord]) -> Counter[str]:
    """Count spans by the document they are of."""
    return Counter(str(span.attributes["collatio.document.id"]) for span in spans)


def ids(traced: Traced, fits: Callable[[DocumentState.ValueType], bool]) -> set[str]:
    """Collect the ids of a job's documents in a state."""
    return {document.document_id for document in traced.documents if fits(document.state)}


def test_the_callers_trace_is_continued(first: Traced) -> None:
    """A traceparent on CreateJob makes the job a part of the caller's trace, and the job says which it is."""
    assert first.job.trace_id == CALLER_TRACE
    (top,) = first.spans.orphans()
    assert (_name(top), top.parent_id) == (CREATE, CALLER_SPAN)
    assert not first.spans.roots()


def test_a_job_without_a_traced_caller_has_one_root(second: Traced) -> None:
    """Its trace begins with CreateJob, and nothing in it lacks its parent."""
    (root,) = second.spans.roots()
    assert _name(root) == CREATE
    assert not second.spans.orphans()
    assert second.job.trace_id == root.trace_id != CALLER_TRACE


def test_the_tree_is_the_documented_one(first: Traced) -> None:
    """Every span stands where the conventions put it; none is missing and none is strange."""
    assert edges(first.spans) == TREE


def test_every_span_has_the_jobs_id(first: Traced, second: Traced) -> None:
    """Whoever finds one span can find the job, whichever process made it."""
    for traced in (first, second):
        assert {span.attributes.get("collatio.job.id") for span in traced.spans} == {traced.job_id}


def test_every_process_took_part(first: Traced) -> None:
    """The trace crosses the gateway, three servers and three worker pools, each a process of its own."""
    services = {(span.service, span.resource.get("service.instance.id")) for span in first.spans}
    pools = {f"collatio-{stage}{part}" for stage in STAGES for part in ("", "-work")}
    assert {service for service, _ in services} == {"collatio-gateway", *pools}
    assert len({instance for _, instance in services}) >= len(pools) + 1


def test_every_document_is_under_fetch(first: Traced, second: Traced) -> None:
    """Each document of the job, failed ones included, has its span, whether or not its bytes were known."""
    for traced in (first, second):
        fetched = [span for span in traced.spans.named("document") if "fetch" in span.service]
        assert document_ids(fetched) == Counter(ids(traced, lambda _: True))


def test_every_fetched_document_is_under_extract(first: Traced) -> None:
    """Each document that came to be extracted has its span there, once, the corrupt one too."""
    extracted = under(first.spans, "collatio.extract", "document")
    tried = {d.document_id for d in first.documents if d.HasField("blob")}
    assert document_ids(extracted) == Counter(tried)
    assert ids(first, lambda state: state == EXTRACTED) < tried


def test_failed_documents_are_failed_spans_with_their_reason(first: Traced) -> None:
    """A span says by error.type why its document failed; the others are not failed."""
    reasons = {d.document_id: d.error.reason for d in first.documents if d.state == FAILED}
    told = {
        span.attributes["collatio.document.id"]: span.attributes["error.type"]
        for span in first.spans.named("document")
        if span.status == "ERROR"
    }
    assert told == reasons
    assert set(reasons.values()) == {"DOCUMENT_CORRUPT", "URI_SCHEME_UNSUPPORTED", "SOURCE_NOT_FOUND"}


def test_tiles_are_linked_to_the_extractions_they_hold(first: Traced) -> None:
    """From a tile one gets to the span that extracted each document in it, and every document is in a tile."""
    extracting = {span.span_id: span for span in under(first.spans, "collatio.extract", "document")}
    tiles = first.spans.named("tile")
    assert sum(tile.attributes["collatio.pair.count"] for tile in tiles) == first.job.comparisons.compared
    linked = [[extracting[link.span_id] for link in tile.links] for tile in tiles]
    assert all(linked)
    held = {str(span.attributes["collatio.document.id"]) for spans in linked for span in spans}
    assert held == ids(first, lambda state: state == EXTRACTED)


def test_a_documents_traceparent_is_its_extracting_span(first: Traced) -> None:
    """What ListJobDocuments tells leads into the trace."""
    extracting = {
        span.attributes["collatio.document.id"]: span
        for span in under(first.spans, "collatio.extract", "document")
    }
    for document in first.documents:
        if document.state == EXTRACTED:
            _, trace_id, span_id, _ = document.traceparent.split("-")
            span = extracting[document.document_id]
            assert (trace_id, span_id) == (span.trace_id, span.span_id)


def test_reused_steps_lead_to_the_work_done_before(first: Traced, second: Traced) -> None:
    """In the second job's own trace every document and tile is there, linked into the first job's."""
    assert edges(second.spans) <= TREE | REUSED
    reused = second.spans.named("step.reused")
    assert all(link.trace_id == first.job.trace_id for span in reused for link in span.links)
    assert all(span.links for span in reused)
    documents = document_ids(s for s in reused if "collatio.document.id" in s.attributes)
    assert set(documents) >= ids(second, lambda state: state == EXTRACTED)
    assert not second.spans.named("tile")
    assert not second.spans.named("download")


def test_waiting_is_told_from_working(first: Traced) -> None:
    """A CONSUMER span knows how long its message lay in the queue, and how many steps it brought."""
    consumers = [span for span in first.spans if span.kind == "CONSUMER"]
    assert all(span.attributes["collatio.queue.wait"] >= 0 for span in consumers)
    assert all(span.attributes["collatio.step.count"] >= 1 for span in consumers)
    assert {span.attributes["messaging.system"] for span in consumers} == {"celery"}
    assert len({span.attributes["messaging.message.id"] for span in consumers}) == len(consumers)


def test_rpc_spans_say_how_calls_ended(first: Traced) -> None:
    """Every RPC of an undisturbed job ended OK, and says so in the field's words."""
    calls = [span for span in first.spans if span.kind in {"SERVER", "CLIENT"}]
    assert {span.attributes["rpc.system.name"] for span in calls} == {"grpc"}
    assert {span.attributes["rpc.status_code"] for span in calls} == {"OK"}
    assert {span.status for span in calls} == {"UNSET"}


def test_the_long_span_holds_the_whole_run(first: Traced) -> None:
    """job.run ends last of the job's own work, with the count of documents and the outcome."""
    (run,) = first.spans.named("job.run")
    assert run.attributes["collatio.document.count"] == len(first.documents)
    assert run.attributes["collatio.job.state"] == "SUCCEEDED"
    work = [span for span in first.spans if span.kind == "PRODUCER" or span.name in {"document", "tile"}]
    assert all(run.start_ns <= span.start_ns and span.end_ns <= run.end_ns for span in work)


def test_no_span_holds_a_path_or_a_text(first: Traced) -> None:
    """Traces leave the machine: no file name and no word of a document is in them."""
    told = repr([(s.name, s.attributes, s.status_message, s.events, s.resource) for s in first.spans])
    for document in first.documents:
        assert document.uri not in told
        assert document.uri.rpartition("/")[2] not in told
