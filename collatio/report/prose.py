"""Write a block of text with its marks: as it stands on one side, or both sides woven into one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from collatio.report.marks import segments
from collatio.report.markup import Markup, el, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.report.marks import Mark, Marked, Segment
    from collatio.report.model import Block, Change

_SHORT_LINE = 48
_OWN_BULLET = re.compile(r"\s*(?:\(?\w{1,4}[.)]|[\d.]+\s|[^\w\s\"'(])")
_CLASSES = {
    "LIST_ITEM": "b-item",
    "CODE": "b-code",
    "HEADER": "b-furniture",
    "FOOTER": "b-furniture",
    "FIGURE": "b-figure",
    "FOOTNOTE": "b-note",
}


@dataclass(slots=True)
class Anchors:
    """Hand out each anchor once; `prefix` sets pairs and views apart."""

    prefix: str
    given: set[str]

    def take(self, name: str) -> str | None:
        """Give an anchor's id the first time it is asked for."""
        full = f"{self.prefix}{name}"
        if full in self.given:
            return None
        self.given.add(full)
        return full


class _Piece(NamedTuple):
    """A marked stretch of the left side, and how much unmarked text stands before it."""

    at: int
    markup: Markup
    blank_before: bool


def block_class(block: Block, text: str) -> str:
    """Choose a block's class: what it is, and whether its line ends mean something."""
    name = _CLASSES.get(block.kind, "b")
    if block.kind == "LIST_ITEM" and _OWN_BULLET.match(text):
        name = "b-item b-own"
    if block.kind == "HEADING":
        name = f"b-h b-h{min(max(block.level, 1), 4)}"
    lines = text.count("\n") + 1
    if lines > 1 and block.kind not in {"CODE", "TABLE"} and len(text) / lines < _SHORT_LINE:
        name += " b-lines"
    return name


def one_side(side: Marked, block: int, changes: Sequence[Change], anchors: Anchors, *, left: bool) -> Markup:
    """Write a block as it stands on one side."""
    where = side.paper.blocks[block]
    parts = []
    for segment in segments(where, side.by_block[block]):
        text = side.paper.text[segment.start : segment.end]
        parts.append(_edit(text, segment.edit, changes, anchors, left=left) if segment.edit else _plain(text))
        if segment.move is not None:
            parts[-1] = _moved(parts[-1], segment, where, anchors, left=left)
    return joined(parts)


def _plain(text: str) -> Markup:
    return joined(text)


def _edit(text: str, mark: Mark, changes: Sequence[Change], anchors: Anchors, *, left: bool) -> Markup:
    """Write deleted or inserted text; the right side carries the anchor where there is one."""
    change = changes[mark.change]
    two_sided = change.left is not None and change.right is not None and bool(change.right_text)
    if mark.artifact:
        return el("span", text, class_="art-out" if left else "art-in", title=_reason(change))
    if mark.quiet:
        return _renumbered(text, left=left)
    anchor = None if left and two_sided else anchors.take(f"c{mark.number}")
    return el("del" if left else "ins", text, id=anchor, data_c=mark.number)


def _renumbered(text: str, *, left: bool) -> Markup:
    return el("del" if left else "ins", text, class_="num", title="only renumbered")


def _reason(change: Change) -> str:
    return f"likely an artefact: {change.reason.replace('_', ' ').lower()}"


def _moved(inner: Markup, segment: Segment, block: Block, anchors: Anchors, *, left: bool) -> Markup:
    mark = segment.move
    if mark is None:
        return inner
    chip = None
    if segment.start == max(mark.start, block.start):
        here, there = ("o", "c") if left else ("c", "o")
        word = "moved away" if left else "moved here"
        chip = el(
            "a",
            f"{mark.number} · {word}" if mark.number else word,
            class_="chip",
            href=f"#{anchors.prefix}{there}{mark.number}",
            id=anchors.take(f"{here}{mark.number}"),
            data_c=None if left or not mark.number else mark.number,
        )
    return joined(chip, el("span", inner, class_="mv-out" if left else "mv-in"))


def woven(
    left: Marked,
    right: Marked,
    blocks: tuple[Sequence[int], Sequence[int]],
    changes: Sequence[Change],
    anchors: Anchors,
) -> Iterator[tuple[Block, Markup]]:
    """Write the blocks of a row as one text: the right side's, with what was deleted where it stood."""
    told = {mark.change for at in blocks[1] for mark in right.by_block[at]}
    waiting = list(_pieces(left, blocks[0], changes, told, anchors))
    count = 0
    for number, at in enumerate(blocks[1]):
        block = right.paper.blocks[at]
        parts: list[Markup] = []
        for segment in segments(block, right.by_block[at]):
            text = right.paper.text[segment.start : segment.end]
            if segment.edit is None and segment.move is None:
                count = _weave(text, count, waiting, parts)
                continue
            while waiting and waiting[0].at <= count:
                parts.append(waiting.pop(0).markup)
            parts.append(_both(text, segment, block, changes, anchors))
        if number == len(blocks[1]) - 1:
            parts += [piece.markup for piece in waiting]
        yield block, joined(parts)


def _pieces(
    left: Marked, blocks: Sequence[int], changes: Sequence[Change], told: set[int], anchors: Anchors
) -> Iterator[_Piece]:
    """List the left side's marked stretches, those left out that the right side tells itself."""
    count = 0
    for at in blocks:
        block = left.paper.blocks[at]
        for segment in segments(block, left.by_block[at]):
            text = left.paper.text[segment.start : segment.end]
            if segment.edit is None and segment.move is None:
                count += _solid(text)
                continue
            if segment.edit is not None and segment.edit.change in told:
                continue
            inner = _edit(text, segment.edit, changes, anchors, left=True) if segment.edit else _plain(text)
            before = left.paper.text[segment.start - 1 : segment.start]
            yield _Piece(count, _moved(inner, segment, block, anchors, left=True), before.isspace())


def _weave(text: str, count: int, waiting: list[_Piece], parts: list[Markup]) -> int:
    """Write unmarked text, putting each waiting piece where it stood; give the count after it."""
    end = count + _solid(text)
    while waiting and waiting[0].at < end:
        piece = waiting.pop(0)
        cut = _after(text, piece.at - count, skip_blanks=piece.blank_before)
        parts += [_plain(text[:cut]), piece.markup]
        count, text = max(count, piece.at), text[cut:]
    parts.append(_plain(text))
    return end


def _both(text: str, segment: Segment, block: Block, changes: Sequence[Change], anchors: Anchors) -> Markup:
    """Write a marked stretch of the right side, what it replaced before it."""
    inner = _plain(text)
    if segment.edit is not None:
        mark = segment.edit
        inner = _edit(text, mark, changes, anchors, left=False)
        was = changes[mark.change].left_text
        if was and mark.start == segment.start:
            gone = el("del", was, data_c=mark.number)
            if mark.artifact:
                gone = el("span", was, class_="art-out")
            elif mark.quiet:
                gone = _renumbered(was, left=True)
            inner = joined(gone, inner)
    return _moved(inner, segment, block, anchors, left=False) if segment.move else inner


def _solid(text: str) -> int:
    return len("".join(text.split()))


def _after(text: str, solid: int, *, skip_blanks: bool) -> int:
    """Find the place in a text after so many characters that are not blank, and perhaps the blanks there."""
    at = 0
    for match in re.finditer(r"\S+", text):
        if solid <= 0:
            return match.start() if skip_blanks else at
        if len(match[0]) >= solid:
            at = match.start() + solid
            if not skip_blanks or at < match.end():
                return at
            solid = 0
            continue
        solid -= len(match[0])
        at = match.end()
    return len(text) if skip_blanks else at
