"""How far a job is, counted from its events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collatio.client.messages import DocumentState, JobState, WaitingReason

if TYPE_CHECKING:
    from collatio.client.messages import Job, JobEvent

_FOUND = DocumentState.DOCUMENT_STATE_UNSPECIFIED
_FETCHED = DocumentState.DOCUMENT_STATE_FETCHED
_EXTRACTED = DocumentState.DOCUMENT_STATE_EXTRACTED
_FAILED = DocumentState.DOCUMENT_STATE_FAILED
_IN_STORE = frozenset({_FETCHED, _EXTRACTED})


@dataclass(slots=True)
class Tally:
    """Counts that only grow. A snapshot may be ahead of the events that follow it, so the larger count holds."""

    job: Job | None = None
    found: int = 0
    fetched: int = 0
    extracted: int = 0
    failed: int = 0
    listing_done: bool = False
    planned: int = 0
    compared: int = 0
    pairs_failed: int = 0
    waiting: str = ""
    state: int = JobState.JOB_STATE_UNSPECIFIED
    _states: dict[str, int] = field(default_factory=dict)
    _seen: Counter[int] = field(default_factory=Counter)

    def apply(self, event: JobEvent) -> None:
        """Take an event in."""
        match event.WhichOneof("event"):
            case "snapshot":
                self.see(event.snapshot)
            case "state_change":
                self._see_counts(event.state_change)
            case "document":
                self._see_document(event.document.document_id, event.document.state)
            case "comparisons":
                counts = event.comparisons
                self.planned = max(self.planned, counts.planned)
                self.compared = max(self.compared, counts.compared + counts.not_comparable)
                self.pairs_failed = max(self.pairs_failed, counts.failed)
            case "listing":
                done = event.listing.sources_done >= event.listing.sources
                self.listing_done = self.listing_done or done

    def see(self, job: Job) -> None:
        """Take a whole job in."""
        self.job = job
        self._see_counts(job)

    def phase(self) -> str:
        """Name what the job is doing, as a person would."""
        if self.state in {JobState.JOB_STATE_UNSPECIFIED, JobState.JOB_STATE_QUEUED}:
            return "queued"
        if self.waiting:
            return f"waiting: {self.waiting}"
        if not self.listing_done:
            return "listing"
        if self.extracted + self.failed < self.found:
            return "extracting" if self.fetched + self.failed >= self.found else "fetching"
        return "comparing" if self.planned else "working"

    def line(self) -> str:
        """Say in one line how far it is."""
        of = str(self.found) if self.listing_done else f"{self.found}+"
        parts = [self.phase(), f"fetched {self.fetched}/{of}", f"extracted {self.extracted}/{of}"]
        if self.planned:
            parts.append(f"compared {self.compared}/{self.planned}")
        if self.failed or self.pairs_failed:
            parts.append(f"failed {self.failed + self.pairs_failed}")
        return ", ".join(parts)

    def _see_counts(self, job: Job) -> None:
        counts = job.documents
        self.found = max(self.found, counts.found)
        self.fetched = max(self.fetched, counts.fetched)
        self.extracted = max(self.extracted, counts.extracted)
        self.failed = max(self.failed, counts.failed)
        self.listing_done = self.listing_done or counts.listing_done
        self.planned = max(self.planned, job.comparisons.planned)
        self.compared = max(self.compared, job.comparisons.compared + job.comparisons.not_comparable)
        self.pairs_failed = max(self.pairs_failed, job.comparisons.failed)
        self.state = job.state
        reason = WaitingReason.Name(job.waiting_reason).removeprefix("WAITING_REASON_")
        self.waiting = "" if reason in {"UNSPECIFIED", "WINDOW_FULL"} else reason

    def _see_document(self, document_id: str, state: int) -> None:
        before = self._states.get(document_id)
        self._states[document_id] = state
        seen = self._seen
        seen[_FOUND] += before is None
        seen[_FETCHED] += state in _IN_STORE and before not in _IN_STORE
        seen[_EXTRACTED] += state == _EXTRACTED and before != _EXTRACTED
        seen[_FAILED] += state == _FAILED and before != _FAILED
        self.found = max(self.found, seen[_FOUND])
        self.fetched = max(self.fetched, seen[_FETCHED])
        self.extracted = max(self.extracted, seen[_EXTRACTED])
        self.failed = max(self.failed, seen[_FAILED])
