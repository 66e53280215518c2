"""Engines without engines: plain text, one block a paragraph, compared by the test's own answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from collatio.cli.diffing.model import Reading, Side
from collatio.plugins.comparators import (
    Block,
    Change,
    ChangeCounts,
    ChangeKind,
    ChangeScope,
    ComparedDocument,
    Comparison,
    ComparisonStatus,
    Document,
    Options,
    PairError,
    Place,
    Similarity,
)
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

INSERTED = Change(ChangeKind.INSERTED, ChangeScope.TEXT, None, Place(0, 0, 0, 3), "", "new")
ARTIFACT = replace(INSERTED, likely_artifact=True, artifact_reason="WHITESPACE")


@dataclass
class FakeEngines:
    """Implements `Engines`. `members` are given to every document whose text begins with "zip"."""

    changes: tuple[Change, ...] = (INSERTED,)
    members: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    read_names: list[str] = field(default_factory=list)

    def read(self, side: Side) -> Reading:
        """Read text; "corrupt" is refused."""
        self.read_names.append(side.name)
        if side.data == b"corrupt":
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "It is broken.")
        text = "" if side.data.startswith(b"scan") else side.data.decode()
        blocks = tuple(Block(part) for part in text.split("\n\n") if part)
        warnings = () if blocks else (("NO_TEXT", "It may be a scan."),)
        return Reading(
            Document(side.name, side.name, blocks=blocks), self.members.get(side.name, {}), warnings
        )

    def compare(self, left: Reading, right: Reading, options: Options) -> Comparison:
        """Give the changes told; without text on both sides, NOT_COMPARABLE."""
        pair = ComparedDocument(left.document.uri), ComparedDocument(right.document.uri)
        if not (left.document.has_text and right.document.has_text):
            return Comparison(*pair, ComparisonStatus.NOT_COMPARABLE, error=PairError("NO_TEXT", "no text"))
        return Comparison(
            *pair,
            ComparisonStatus.COMPARED,
            similarity=Similarity(text=0.5, overall=0.25),
            counts=ChangeCounts(changes=len(self.changes)),
            changes=self.changes,
        )
