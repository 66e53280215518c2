"""What a diff is made of: sides, what was read of each, and what came of the pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collatio.plugins.comparators import Change, Comparison, Document, Options


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a diff: its bytes, and its name as the user would say it."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a side. `members` are the SHA-256 of documents within it (attachments), by path.

    `warnings` are codes and sentences, as the extraction gave them.
    """

    document: Document
    members: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[tuple[str, str], ...] = ()


class Engines(Protocol):
    """Read and compare documents."""

    def read(self, side: Side) -> Reading:
        """Extract one document. Errors: CollatioError, as the extract engine raises it."""
        ...

    def compare(self, left: Reading, right: Reading, options: Options) -> Comparison:
        """Compare two documents. Errors: INVALID_REQUEST for a faulty pattern."""
        ...


@dataclass(frozen=True, slots=True)
class Members:
    """How the documents within two documents differ, by path, each list sorted."""

    left_only: tuple[str, ...] = ()
    right_only: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is any difference."""
        return bool(self.left_only or self.right_only or self.differ)


@dataclass(frozen=True, slots=True)
class PairDiff:
    """What came of two documents. Without readings and a comparison: their bytes are the same.

    `changes` are those that count: without likely artefacts of extraction, unless they were asked for.
    """

    left: str
    right: str
    readings: tuple[Reading, Reading] | None = None
    comparison: Comparison | None = None
    changes: tuple[Change, ...] = ()
    artifacts_hidden: int = 0
    members: Members = Members()

    @property
    def different(self) -> bool:
        """Whether anything differs that counts."""
        return bool(self.changes or self.members)
