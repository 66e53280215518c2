"""Lay changes over a text: which code points were deleted, inserted or moved, and by which change.

Rules: places count within a block, but a change may reach over several blocks, so marks count within the
whole text; a mark that differs in white space alone is left out, because nobody sees it; only changes that
are neither likely artefacts nor mere renumbering are numbered, from 1, in the order of the list.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from collatio.report.model import Block, Change, Paper, Spot

MOVE, EDIT = "move", "edit"


@dataclass(frozen=True, slots=True)
class Mark:
    """A changed stretch [start, end) of one side.

    `number` is its change's; 0 for a likely artefact, and for a `quiet` one, which only renumbers.
    """

    start: int
    end: int
    role: str
    change: int
    number: int
    quiet: bool = False

    @property
    def artifact(self) -> bool:
        """Whether it is a likely artefact."""
        return self.number == 0 and not self.quiet

    @property
    def counts(self) -> bool:
        """Whether it is an edit that a reader came for."""
        return self.number != 0


class Segment(NamedTuple):
    """A stretch of a block under the same marks."""

    start: int
    end: int
    edit: Mark | None
    move: Mark | None


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with its marks: all of them, sorted by where they begin, and those that touch each block."""

    paper: Paper
    marks: tuple[Mark, ...]
    by_block: tuple[tuple[Mark, ...], ...]


def numbered(changes: Sequence[Change]) -> list[int]:
    """Give the changes of text and tables that are not likely artefacts their numbers, the others 0."""
    count = 0
    numbers = []
    for change in changes:
        counts = not change.artifact and not change.renumbering and change.scope in {"TEXT", "TABLE"}
        count += counts
        numbers.append(count if counts else 0)
    return numbers


def marked(paper: Paper, changes: Sequence[Change], numbers: Sequence[int], *, left: bool) -> Marked:
    """Lay one side's marks over its text."""
    found = []
    for at, change in enumerate(changes):
        spot = change.left if left else change.right
        if spot is None or change.scope != "TEXT" or _unseen(change):
            continue
        start, end = _reach(paper, spot)
        if start < end:
            role = MOVE if change.kind == "MOVED" else EDIT
            found.append(Mark(start, end, role, at, numbers[at], change.renumbering))
    found.sort(key=lambda mark: (mark.start, -mark.end, mark.change))
    return Marked(paper, tuple(found), _by_block(paper, found))


def _by_block(paper: Paper, marks: Iterable[Mark]) -> tuple[tuple[Mark, ...], ...]:
    ends = [block.end for block in paper.blocks]
    touching: list[list[Mark]] = [[] for _ in ends]
    for mark in marks:
        at = bisect_right(ends, mark.start)
        while at < len(ends) and paper.blocks[at].start < mark.end:
            touching[at].append(mark)
            at += 1
    return tuple(map(tuple, touching))


def _unseen(change: Change) -> bool:
    return change.artifact and change.left_text.split() == change.right_text.split()


def _reach(paper: Paper, spot: Spot) -> tuple[int, int]:
    if not 0 <= spot.block < len(paper.blocks):
        return 0, 0
    start = paper.blocks[spot.block].start + spot.offset
    return start, min(start + spot.length, len(paper.text))


def segments(block: Block, marks: Sequence[Mark]) -> Iterator[Segment]:
    """Cut a block at its marks; the innermost edit and the innermost move of a stretch count."""
    cuts = {block.start, block.end}
    for mark in marks:
        cuts |= {max(mark.start, block.start), min(mark.end, block.end)}
    ordered = sorted(cuts)
    open_marks: list[Mark] = []
    coming = 0
    for start, end in pairwise(ordered):
        open_marks = [mark for mark in open_marks if mark.end > start]
        while coming < len(marks) and marks[coming].start <= start:
            open_marks.append(marks[coming])
            coming += 1
        edit = next((mark for mark in reversed(open_marks) if mark.role == EDIT), None)
        move = next((mark for mark in reversed(open_marks) if mark.role == MOVE), None)
        yield Segment(start, end, edit, move)
