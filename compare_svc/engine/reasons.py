"""Finds the edits that likely come from extraction, and how many words they touch.

Besides spacing, hyphenation and encoding, which the walk itself meets, there are page furniture, blocks read
with little confidence, and what two formats of one text cannot help but tell apart (FORMAT): a list's marker
is text in one and a property in the other, notes and the alternative texts of pictures are there in one only,
reading order differs where cells and columns stand side by side.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from compare_svc.engine.artifacts import CONFIDENCE_MIN, FORMAT, LOW_CONFIDENCE, PAGE_FURNITURE
from compare_svc.engine.model import BlockKind, ChangeKind, Mark
from compare_svc.engine.words import fold, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compare_svc.engine.edit import Edit, Span
    from compare_svc.engine.model import Change
    from compare_svc.engine.prepare import Prepared

_MARKER = re.compile(
    r"\s*(?:[^\w\s]{1,3}|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.):]?|\d{1,2}(?:\.\d{1,2})+\.?)\s*"
)
_MARKERS = re.compile(r"(?:^|(?<=\t)) *(?:[^\w\s]{1,2}|\d{1,3}[.)]) +", re.MULTILINE)
"""Markers at the beginning of lines and cells."""
REORDERED_WORDS_MIN = 2
REORDERED_SHARE_MIN = 0.8
_UNSEEN = frozenset({Mark.HIDDEN, Mark.COMMENT, Mark.NOTE})
_ONE_SIDED = (ChangeKind.INSERTED, ChangeKind.DELETED)


def explain(left: Prepared, right: Prepared, edits: Sequence[Edit]) -> list[Edit]:
    """Give every edit that is likely an artefact its reason."""
    explained = [_explained(left, right, edit) for edit in edits]
    if left.document.media_type == right.document.media_type:
        return explained
    reordered = _reordered(left, right, explained)
    return [
        edit._replace(reason=FORMAT)
        if not edit.reason and (at in reordered or _is_of_format(left, right, edit))
        else edit
        for at, edit in enumerate(explained)
    ]


def _explained(left: Prepared, right: Prepared, edit: Edit) -> Edit:
    if edit.reason:
        return edit
    reason = _block_reason(left, edit.left) or _block_reason(right, edit.right)
    return edit._replace(reason=reason) if reason else edit


def _block_reason(side: Prepared, span: Span | None) -> str:
    """Give the reason why anything in a span's block is likely an artefact; empty if there is none."""
    if span is None:
        return ""
    if side.at[span.block] in side.furniture:
        return PAGE_FURNITURE
    confidence = side.block(span.block).confidence
    if confidence is None:
        confidence = side.document.confidence
    return LOW_CONFIDENCE if confidence is not None and confidence < CONFIDENCE_MIN else ""


def _is_of_format(left: Prepared, right: Prepared, edit: Edit) -> bool:
    """Tell whether a one-sided edit is a list's marker, a picture's text, or text that a reader does not see."""
    if edit.kind not in _ONE_SIDED:
        return False
    side, span = (left, edit.left) if edit.kind is ChangeKind.DELETED else (right, edit.right)
    if span is None:
        return False
    block = side.block(span.block)
    if block.kind is BlockKind.FIGURE or not _UNSEEN.isdisjoint(block.marks):
        return True
    starts_line = not block.text[: span.begin].rpartition("\n")[2].strip(" \t")
    return starts_line and bool(_MARKER.fullmatch(side.span_text(span)))


def _reordered(left: Prepared, right: Prepared, edits: Sequence[Edit]) -> set[int]:
    """Find the one-sided edits whose words, nearly all, the other side's one-sided edits hold as well.

    That is text read in another order. A lone word within a block is left out: it may well be an edit.
    """
    bags: dict[ChangeKind, dict[int, Counter[str]]] = {kind: {} for kind in _ONE_SIDED}
    for at, edit in enumerate(edits):
        if edit.kind in _ONE_SIDED and not edit.reason:
            side, span = (left, edit.left) if edit.kind is ChangeKind.DELETED else (right, edit.right)
            if span:
                words = Counter(_words(_MARKERS.sub("", fold(side.span_text(span)))))
                if words.total() >= REORDERED_WORDS_MIN or span.end == len(side.block(span.block).text):
                    bags[edit.kind][at] = words
    pools = [sum(bags[kind].values(), Counter[str]()) for kind in _ONE_SIDED]
    found = set()
    for kind in _ONE_SIDED:
        shared = pools[0] & pools[1]
        for at, words in bags[kind].items():
            covered = words & shared
            if covered and covered.total() >= REORDERED_SHARE_MIN * words.total():
                found.add(at)
                shared -= covered
    return found


def explain_tables(
    left: Prepared, right: Prepared, edits: Sequence[Edit], changes: Sequence[Change]
) -> list[Change]:
    """Give a whole table that one format has and the other writes as text its reason."""
    if left.document.media_type == right.document.media_type:
        return list(changes)
    telling = [edit for edit in edits if not edit.in_disguise]
    known = (
        _read_elsewhere(left, [edit.left for edit in telling]),
        _read_elsewhere(right, [edit.right for edit in telling]),
    )
    explained = []
    for change in changes:
        place, tables = (
            (change.left, known[0]) if change.kind is ChangeKind.DELETED else (change.right, known[1])
        )
        whole = change.kind in _ONE_SIDED and place and place.row is None and place.column is None
        if whole and place and place.table in tables:
            explained.append(replace(change, likely_artifact=True, artifact_reason=FORMAT))
        else:
            explained.append(change)
    return explained


def _read_elsewhere(side: Prepared, spans: Sequence[Span | None]) -> set[int]:
    """Give the tables of one side nearly all of whose words stand on the other side."""
    changed: Counter[int] = Counter()
    for span in spans:
        if span:
            changed[span.block] += words_in(side.span_text(span))
    found = set()
    for ordinal in side.ordinals:
        table = side.block(ordinal).table
        words = side.word_count(side.first[ordinal], side.first[ordinal + 1])
        if table is not None and changed[ordinal] <= (1 - REORDERED_SHARE_MIN) * words:
            found.add(table)
    return found


def artifact_words(left: Prepared, right: Prepared, edits: Sequence[Edit]) -> int:
    """Count the words, of both sides, that differ only as artefacts; those read with little confidence stay."""
    count = 0
    for edit in edits:
        if not edit.reason or edit.reason == LOW_CONFIDENCE or edit.kind is ChangeKind.MOVED:
            continue
        lefts = words_in(left.span_text(edit.left)) if edit.left else 0
        rights = words_in(right.span_text(edit.right)) if edit.right else 0
        count += abs(lefts - rights) if edit.in_disguise else lefts + rights
    return count


def words_in(text: str) -> int:
    """Count the words of a text."""
    return len(_words(text))


def _words(text: str) -> list[str]:
    return [token for token in tokens(text) if any(character.isalnum() for character in token)]
