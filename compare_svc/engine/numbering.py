"""Tells renumbering from edits: a clause put in before others changes the number of each that follows.

Rules:
1. A label is what stands at the beginning of a line and counts: "6.1", "7.", "(b)", "(iii)", also after a word such as
   "Section". A label alone proves nothing, since "30 days" and "1.5 per cent" begin lines too: it must have a
   neighbour, before or after it in the count, or a parent, at the beginning of another line, in both documents.
2. A change from one label to another, of a block that stands in both documents, is renumbering.
3. A reference ("clause 8") that follows what it refers to is renumbering: both numbers are those of one clause before
   and after. A reference that changed otherwise is an edit.

Known ugliness: a clause that took the number of a deleted one, and one whose number was corrected by hand, look the
same.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from compare_svc.engine.model import BlockKind, ChangeKind, ChangeScope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from compare_svc.engine.model import Block, Change, Document, Place

_WORDS = (
    r"(?:clauses?|sections?|articles?|paragraphs?|paras?|schedules?|annex(?:es)?|appendix|appendices|exhibits?|items?"
    r"|chapters?|parts?|art|sec|no|nr|§+|ziffern?|artikel|abschnitte?|absatz|absätze|abs|anlagen?|kapitel|klauseln?"
    r"|annexes?|alinéas?|cláusulas?|artículos?|apartados?|anexos?|articol[oi]|clausol[ae]|commi|comma|punto)"
)
_LABEL = r"\d{1,3}(?:\.\d{1,3}){0,4}|[A-Za-z]|[ivxlcIVXLC]{2,6}"
_IS_LABEL = re.compile(_LABEL)
_LEAD = re.compile(rf"[ \t]*(?:[(\[]|(?P<word>{_WORDS})\.?[ \t]+)?", re.IGNORECASE)
_AT_LINE = re.compile(
    rf"^[ \t]*(?:[(\[]|(?:{_WORDS})\.?[ \t]+)?(?P<label>{_LABEL})(?=[.)\]:]|[ \t]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_LED = re.compile(_AT_LINE.pattern + r"[.)\]:]*[ \t]+(?=\S)", re.IGNORECASE)
_REFERS = re.compile(
    rf"(?:\b|(?<=§)|^){_WORDS}\.?[ \t\u00a0]*(?:(?:{_LABEL})[ \t]*(?:,|and|or|to|und|oder|bis|et|ou|y|e|\u2013|-)[ \t]*)*[(\[]?$",
    re.IGNORECASE,
)
_REFERENCE_REACH = 60
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

Step = tuple[tuple[str, ...], str, int]
"""A reading of a label: its parents, how its last part counts ("1", "a", "i"), and how far it has counted."""


def tell_renumbering(left: Document, right: Document, changes: Sequence[Change]) -> list[Change]:
    """Mark the changes that only renumber."""
    candidates = [at for at, change in enumerate(changes) if _swaps_labels(change)]
    if not candidates:
        return list(changes)
    sides = _Labels(left), _Labels(right)
    told: dict[int, tuple[str, str]] = {}
    for at in candidates:
        change = changes[at]
        if sides[0].counts(change.left) and sides[1].counts(change.right):
            told[at] = (change.left_text, change.right_text)
    moved = set(told.values()) | {pair for labels in told.values() for pair in _parents(*labels)}
    for at in candidates:
        change = changes[at]
        if at not in told and (change.left_text, change.right_text) in moved and _refers(left, right, change):
            told[at] = (change.left_text, change.right_text)
    return [replace(change, renumbering=True) if at in told else change for at, change in enumerate(changes)]


def _swaps_labels(change: Change) -> bool:
    return (
        change.scope is ChangeScope.TEXT
        and change.kind is ChangeKind.REPLACED
        and not change.likely_artifact
        and bool(_IS_LABEL.fullmatch(change.left_text))
        and bool(_IS_LABEL.fullmatch(change.right_text))
    )


def label_end(text: str) -> int:
    """Give where the words behind a text's label begin; 0 where it begins without one, or is nothing else."""
    found = _LED.match(text)
    return found.end() if found else 0


class _Labels:
    """The labels of one document, as far as they are asked for."""

    def __init__(self, document: Document) -> None:
        self._blocks = document.blocks
        self._steps = {
            step for block in document.blocks for label in _at_lines(block) for step in _steps(label)
        }

    def counts(self, place: Place | None) -> bool:
        """Tell whether the text at a place is a label that is part of a count."""
        if place is None or not 0 <= place.block < len(self._blocks):
            return False
        block = self._blocks[place.block]
        before, rest = block.text[: place.offset], block.text[place.offset + place.length :]
        lead = _LEAD.fullmatch(before[before.rfind("\n") + 1 :])
        label = block.text[place.offset : place.offset + place.length]
        closed = rest[:1] in {".", ")", "]", ":"} and not rest[1:2].isdigit()
        listed = block.kind in {BlockKind.HEADING, BlockKind.LIST_ITEM} or bool(lead and lead["word"])
        if not lead or not (closed or "." in label or (listed and not rest[:1].isalnum())):
            return False
        return any(
            (parents, kind, count + step) in self._steps
            for parents, kind, count in _steps(label)
            for step in (-1, 1)
        ) or any(
            parent in self._steps for parents, _, _ in _steps(label) for parent in _steps(".".join(parents))
        )


def _at_lines(block: Block) -> Iterator[str]:
    return (found["label"] for found in _AT_LINE.finditer(block.text))


def _steps(label: str) -> Iterator[Step]:
    """Read a label in every way that it counts in: "i" is a letter and a Roman number."""
    *parents, last = label.split(".")
    if last.isdigit():
        yield (*parents,), "1", int(last)
        return
    if len(last) == 1:
        yield (*parents,), "a" if last.islower() else "A", ord(last)
    if last and set(last.lower()) <= _ROMAN.keys():
        values = [_ROMAN[letter] for letter in last.lower()]
        total = sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
        yield (*parents,), "i" if last.islower() else "I", total


def _parents(left: str, right: str) -> Iterator[tuple[str, str]]:
    """Give the clauses that two labels stand under, as long as those changed: 8.1 to 6.1 says 8 to 6."""
    first, second = left.split("."), right.split(".")
    while len(first) > 1 and len(second) > 1 and first[-1] == second[-1]:
        first, second = first[:-1], second[:-1]
        if first != second:
            yield ".".join(first), ".".join(second)


def _refers(left: Document, right: Document, change: Change) -> bool:
    return all(
        place is not None
        and 0 <= place.block < len(document.blocks)
        and bool(
            _REFERS.search(
                document.blocks[place.block].text[max(0, place.offset - _REFERENCE_REACH) : place.offset]
            )
        )
        for document, place in ((left, change.left), (right, change.right))
    )
