"""Finds the edits that likely come from extraction, and how many words they touch.

Besides spacing, hyphenation and encoding, which the walk itself meets, there are page furniture, blocks read
with little confidence, and what two formats of one text cannot help but tell apart (FORMAT): a list's marker
is text in one and a property in the other, notes and the alternative texts of pictures are there in one only,
reading order differs where cells and columns stand side by side.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compare_svc.engine.artifacts import CONFIDENCE_MIN, FORMAT, LOW_CONFIDENCE, PAGE_FURNITURE
from compare_svc.engine.model import BlockKind, ChangeKind, Mark
from compare_svc.engine.reordering import ONE_SIDED, mark_reordered
from compare_svc.engine.words import words_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compare_svc.engine.edit import Edit, Span
    from compare_svc.engine.model import Block
    from compare_svc.engine.prepare import Prepared

_MARKER = re.compile(
    r"\s*(?:[^\w\s]{1,3}|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.):]?|\d{1,2}(?:\.\d{1,2})+\.?)\s*"
)
_UNSEEN = frozenset({Mark.HIDDEN, Mark.COMMENT, Mark.NOTE})


def explain(left: Prepared, right: Prepared, edits: Sequence[Edit]) -> list[Edit]:
    """Give every edit that is likely an artefact its reason."""
    explained = [_explained(left, right, edit) for edit in edits]
    if left.document.media_type == right.document.media_type:
        return explained
    return [
        edit._replace(reason=FORMAT) if not edit.reason and _is_of_format(left, right, edit) else edit
        for edit in mark_reordered(left, right, explained)
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
    if edit.kind not in ONE_SIDED:
        return False
    side, span = (left, edit.left) if edit.kind is ChangeKind.DELETED else (right, edit.right)
    if span is None:
        return False
    block = side.block(span.block)
    if block.kind is BlockKind.FIGURE or not _UNSEEN.isdisjoint(block.marks):
        return True
    return _starts_line(block, span) and bool(_MARKER.fullmatch(side.span_text(span)))


def _starts_line(block: Block, span: Span) -> bool:
    """Tell whether a span begins a line, or a cell that goes on behind it: a cell of its own is no marker."""
    line = block.text[: span.begin].rpartition("\n")[2]
    if block.table is None:
        return not line.strip(" \t")
    goes_on = block.text[span.end :].lstrip(" ")[:1]
    return not line.rpartition("\t")[2].strip(" ") and goes_on not in {"", "\t", "\n"}


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
