"""What a report is made of: an account of a job, with texts and changes read only where a redline needs them.

Documents and pairs are named by their index in the account. Similarities are 0..1; a measure that does not
apply is absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from collatio.report.spans import Bar

MEASURES = ("overall", "text", "shingles", "structure", "tables", "fields")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something has no result. `stage` is "fetch", "extract" or "compare"."""

    reason: str
    message: str
    stage: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A document, without its text. `warnings` are (code, message); `words` counts runs of non-blanks."""

    index: int
    id: str
    uri: str
    media_type: str = ""
    pages: int = 0
    words: int = 0
    tables: int = 0
    language: str = ""
    title: str = ""
    warnings: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair, without its changes. `status` is COMPARED, NOT_COMPARABLE or FAILED; `truncated`: see the proto."""

    index: int
    left: int
    right: int
    status: str
    similarity: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    failure: Failure | None = None
    truncated: bool = False

    @property
    def overall(self) -> float:
        """The overall similarity; 0 where there is none."""
        return self.similarity.get("overall", 0.0)

    @property
    def edits(self) -> int:
        """Changes that are neither likely artefacts of extraction nor mere renumbering."""
        return max(0, self.counts.get("changes", 0) - self.counts.get("likelyArtifacts", 0) - self.renumbered)

    @property
    def renumbered(self) -> int:
        """Changes that only renumber clauses, headings, items and references to them."""
        return self.counts.get("renumbered", 0)

    @property
    def compared(self) -> bool:
        """Whether it was compared."""
        return self.status == "COMPARED"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a text: code points [start, start + length) of it. `table` is an index into the tables."""

    kind: str
    level: int
    page: int
    start: int
    length: int
    table: int | None = None

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Paper:
    """What a document says: its text, its blocks, its tables as rows of cells."""

    text: str
    blocks: tuple[Block, ...]
    tables: tuple[tuple[tuple[str, ...], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a change stands on one side; `offset` and `length` are code points within the block."""

    page: int
    block: int
    offset: int
    length: int
    table: int | None = None
    row: int | None = None
    column: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, with the words of the contract: `kind` INSERTED, `scope` TEXT, and so on."""

    kind: str
    scope: str
    left: Spot | None
    right: Spot | None
    left_text: str = ""
    right_text: str = ""
    left_value: str = ""
    right_value: str = ""
    artifact: bool = False
    reason: str = ""
    renumbering: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """Versions of one document, oldest first; `evidence` says what each step's order rests on."""

    members: tuple[int, ...]
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RollupRow:
    """A block of the baseline and the documents that changed it."""

    block: int
    text: str
    documents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the plan concluded over all documents."""

    clusters: tuple[tuple[int, ...], ...] = ()
    families: tuple[Family, ...] = ()
    rollup: tuple[RollupRow, ...] = ()
    left_only: tuple[str, ...] = ()
    right_only: tuple[str, ...] = ()
    candidates: str = ""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a report tells of the job itself. `plan` is the contract's name ("all_pairs"), empty without one.

    Times are as the contract writes them (RFC 3339, UTC), empty where they are not set.
    """

    name: str = ""
    state: str = ""
    plan: str = ""
    baseline: str = ""
    threshold: float | None = None
    create_time: str = ""
    start_time: str = ""
    end_time: str = ""
    trace_id: str = ""
    error: Failure | None = None


class Shelf(Protocol):
    """Where texts and changes are read, one at a time."""

    def paper(self, document: int) -> Paper:
        """Read what a document says."""
        ...

    def changes(self, pair: int) -> Sequence[Change]:
        """Read what changed in a pair."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """A job, told: its documents in order, its pairs in order, what was concluded, and its trace."""

    job: JobFacts
    documents: tuple[Document, ...]
    pairs: tuple[Pair, ...]
    shelf: Shelf
    conclusion: Conclusion = Conclusion()
    trace: tuple[Bar, ...] = ()
