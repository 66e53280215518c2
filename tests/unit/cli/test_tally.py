"""A job's events become counts and a phase."""

from __future__ import annotations

from typing import Any

from collatio.cli.tally import Tally
from collatio.client.messages import (
    ComparisonCounts,
    DocumentCounts,
    DocumentState,
    Job,
    JobDocument,
    JobEvent,
    JobState,
    WaitingReason,
)
from collatio.v1.gateway_pb2 import ListingProgress

RUNNING = JobState.JOB_STATE_RUNNING
FETCHED = DocumentState.DOCUMENT_STATE_FETCHED
EXTRACTED = DocumentState.DOCUMENT_STATE_EXTRACTED
FAILED = DocumentState.DOCUMENT_STATE_FAILED


def tally_of(*events: dict[str, Any]) -> Tally:
    """Tally events."""
    tally = Tally()
    for each in events:
        tally.apply(JobEvent(**each))
    return tally


def document(name: str, state: DocumentState.ValueType) -> dict[str, Any]:
    """Make a document's event."""
    return {"document": JobDocument(document_id=name, state=state)}


def test_nothing_yet_is_queued() -> None:
    """Before the first event, and while the job says so."""
    assert Tally().phase() == "queued"
    assert tally_of({"snapshot": Job(state=JobState.JOB_STATE_QUEUED)}).phase() == "queued"


def test_documents_are_counted_once_a_state() -> None:
    """A document is found once, fetched once, and then extracted or failed."""
    tally = tally_of(
        document("a", FETCHED),
        document("b", FETCHED),
        document("a", EXTRACTED),
        document("a", EXTRACTED),
        document("b", FAILED),
        document("c", EXTRACTED),
    )
    assert (tally.found, tally.fetched, tally.extracted, tally.failed) == (3, 3, 2, 1)


def test_snapshot_ahead_of_the_events_holds() -> None:
    """Counts never go back while a watch replays what the snapshot knew."""
    counts = DocumentCounts(found=9, fetched=8, extracted=7, failed=1, listing_done=True)
    tally = tally_of(
        {"snapshot": Job(state=RUNNING, documents=counts)},
        document("a", FETCHED),
        {"listing": ListingProgress(sources_done=1, sources=2)},
    )
    assert tally.listing_done
    assert (tally.found, tally.fetched, tally.extracted, tally.failed) == (9, 8, 7, 1)


def test_phases_follow_the_work() -> None:
    """Listing, fetching, extracting, comparing."""
    tally = tally_of({"snapshot": Job(state=RUNNING)})
    assert tally.phase() == "listing"
    tally.apply(JobEvent(snapshot=Job(state=RUNNING, documents=DocumentCounts(found=2))))
    tally.apply(JobEvent(listing=ListingProgress(sources_done=1, sources=2)))
    assert tally.phase() == "listing"
    tally.apply(JobEvent(listing=ListingProgress(sources_done=2, sources=2)))
    assert tally.phase() == "fetching"
    tally.apply(JobEvent(snapshot=Job(state=RUNNING, documents=DocumentCounts(fetched=1, failed=1))))
    assert tally.phase() == "extracting"
    tally.apply(JobEvent(snapshot=Job(state=RUNNING, documents=DocumentCounts(extracted=1))))
    assert tally.phase() == "working"
    tally.apply(JobEvent(comparisons=ComparisonCounts(planned=5, compared=2, not_comparable=1, failed=1)))
    assert tally.phase() == "comparing"
    assert tally.line() == "comparing, fetched 1/2, extracted 1/2, compared 3/5, failed 2"


def test_waiting_is_told_with_its_reason() -> None:
    """A full window is ordinary; missing workers are not."""
    stuck = Job(state=RUNNING, waiting_reason=WaitingReason.WAITING_REASON_NO_WORKERS)
    assert tally_of({"snapshot": stuck}).phase() == "waiting: NO_WORKERS"
    busy = Job(state=RUNNING, waiting_reason=WaitingReason.WAITING_REASON_WINDOW_FULL)
    assert tally_of({"snapshot": stuck}, {"state_change": busy}).phase() == "listing"


def test_unfinished_listing_is_told() -> None:
    """A count that may still grow says so."""
    assert "fetched 1/1+" in tally_of({"snapshot": Job(state=RUNNING)}, document("a", FETCHED)).line()
