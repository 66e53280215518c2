"""Walks an alignment and names what differs between equal runs.

Rules:
1. Every word that is not in an equal run stands in exactly one edit on its side; moved blocks are one edit
   each, and what changed inside a moved block is edits of its own.
2. An edit stays within one block of either side, except where one side spread over several blocks what the
   other holds in one (a hyphenated word over a page break), and where a block's end itself is the difference.
3. Differences of spacing, hyphenation and encoding are edits too, with their reason; their words count as
   equal.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compare_svc.engine.artifacts import WHITESPACE, disguise
from compare_svc.engine.edit import Edit, Span
from compare_svc.engine.model import ChangeKind
from compare_svc.engine.spacing import break_text, spacing_edits

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from compare_svc.engine.blocks import Piece
    from compare_svc.engine.model import Ignore
    from compare_svc.engine.prepare import Prepared

Part = tuple[int, int, int]
"""Tokens within one block: its ordinal, the first token, the one after the last."""

DISGUISE_TOKENS_MAX = 200


class Related:
    """Which blocks hold equal words of one another, by ordinals."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self.rights: defaultdict[int, set[int]] = defaultdict(set)
        self.lefts: defaultdict[int, set[int]] = defaultdict(set)
        for left, right in pairs:
            self.rights[left].add(right)
            self.lefts[right].add(left)


@dataclass(slots=True)
class Walk:
    """A walk along an alignment; collects the words that are equal in disguise."""

    left: Prepared
    right: Prepared
    ignore: Ignore
    related: Related
    moved_left: Container[int]
    moved_right: Container[int]
    disguised_words: int = 0

    def edits(self, pieces: Sequence[Piece], begin: tuple[int, int], end: tuple[int, int]) -> Iterator[Edit]:
        """Yield the edits between two positions, both in tokens."""
        before: Piece | None = None
        done = begin
        for piece in pieces:
            if done != (piece.left, piece.right):
                yield from self._region(done, (piece.left, piece.right))
            elif before and not self.ignore.whitespace:
                yield from self._broken(before, piece)
            for at, left, right, reason in spacing_edits(self.left, self.right, piece, self.ignore):
                yield Edit(ChangeKind.REPLACED, at, Span(*left), Span(*right), reason)
            before, done = piece, (piece.left + piece.length, piece.right + piece.length)
        if done != end:
            yield from self._region(done, end)

    def _broken(self, before: Piece, piece: Piece) -> Iterator[Edit]:
        """Yield the edit of a block that was split or joined with the next."""
        if (before.left_block == piece.left_block) == (before.right_block == piece.right_block):
            return
        if not (
            self.left.follow(self.left.ordinal(piece.left - 1), piece.left_block)
            and self.right.follow(self.right.ordinal(piece.right - 1), piece.right_block)
        ):
            return  # it goes on over the end of a page
        left = break_text(self.left, piece.left)
        right = break_text(self.right, piece.right)
        yield Edit(ChangeKind.REPLACED, (piece.left, piece.right), Span(*left), Span(*right), WHITESPACE)

    def _region(self, begin: tuple[int, int], end: tuple[int, int]) -> Iterator[Edit]:
        lefts = _parts(self.left, begin[0], end[0], self.moved_left)
        rights = _parts(self.right, begin[1], end[1], self.moved_right)
        if lefts and rights:
            reason = self._disguise(lefts, rights)
            if reason:
                if not (self.ignore.whitespace and reason == WHITESPACE):
                    yield from self._disguised(begin, lefts, rights, reason)
                return
        partners = self._partners(lefts, rights)
        taken = set(partners.values())
        last = begin[1]
        for at, part in enumerate(lefts):
            if at in partners:
                other = rights[partners[at]]
                last = other[2]
                yield Edit(
                    ChangeKind.REPLACED,
                    (part[1], other[1]),
                    part_span(self.left, part),
                    part_span(self.right, other),
                )
            else:
                stood = self._anchor(self.right, last, self._rights_of(part[0]))
                yield Edit(ChangeKind.DELETED, (part[1], last), part_span(self.left, part), stood)
        resume = begin[0]
        back = {right: left for left, right in partners.items()}
        for at, part in enumerate(rights):
            if at in taken:
                resume = lefts[back[at]][2]
            else:
                stands = self._anchor(self.left, resume, self._lefts_of(part[0]))
                yield Edit(ChangeKind.INSERTED, (resume, part[1]), stands, part_span(self.right, part))

    def _disguised(
        self, at: tuple[int, int], lefts: list[Part], rights: list[Part], reason: str
    ) -> Iterator[Edit]:
        """Yield what is the same in another spelling: as one edit, unless a page ends within it."""
        if self.left.follow(lefts[0][0], lefts[-1][0]) and self.right.follow(rights[0][0], rights[-1][0]):
            left, right = _joined(self.left, lefts), _joined(self.right, rights)
            yield Edit(ChangeKind.REPLACED, at, left, right, reason)
            return
        for number in range(max(len(lefts), len(rights))):
            first = part_span(self.left, lefts[number]) if number < len(lefts) else None
            second = part_span(self.right, rights[number]) if number < len(rights) else None
            kind = (
                ChangeKind.REPLACED
                if first and second
                else ChangeKind.DELETED
                if first
                else ChangeKind.INSERTED
            )
            where = (
                lefts[min(number, len(lefts) - 1)][1 if first else 2],
                rights[min(number, len(rights) - 1)][1 if second else 2],
            )
            yield Edit(kind, where, first, second, reason)

    def _rights_of(self, block: int) -> set[int]:
        return self.related.rights.get(block, set())

    def _lefts_of(self, block: int) -> set[int]:
        return self.related.lefts.get(block, set())

    @staticmethod
    def _anchor(side: Prepared, token: int, blocks: Container[int]) -> Span | None:
        """Find the point before a token, or after the one before it, that lies in one of some blocks."""
        if token and (block := side.ordinal(token - 1)) in blocks:
            end = side.bounds(token - 1, token)[1]
            return Span(block, end, end)
        if token < side.ids.size and (block := side.ordinal(token)) in blocks:
            begin = side.bounds(token, token + 1)[0]
            return Span(block, begin, begin)
        return None

    def _disguise(self, lefts: list[Part], rights: list[Part]) -> str:
        """Tell whether both sides say the same in another spelling; if so, count its words as equal."""
        sizes = [sum(part[2] - part[1] for part in parts) for parts in (lefts, rights)]
        if max(sizes) > DISGUISE_TOKENS_MAX:
            return ""
        reason = disguise(
            "\n".join(self.left.text(part[1], part[2]) for part in lefts),
            "\n".join(self.right.text(part[1], part[2]) for part in rights),
        )
        if reason:
            words = [
                sum(side.word_count(part[1], part[2]) for part in parts)
                for side, parts in ((self.left, lefts), (self.right, rights))
            ]
            self.disguised_words += min(words)
        return reason

    def _partners(self, lefts: list[Part], rights: list[Part]) -> dict[int, int]:
        """Pair, in order, the parts of a region that stand in each other's place."""
        partners: dict[int, int] = {}
        places = {part[0]: at for at, part in enumerate(rights)}  # a block has one part in a region at most
        start = 0
        for at, part in enumerate(lefts):
            related = (places[block] for block in self._rights_of(part[0]) if block in places)
            other = min((place for place in related if place >= start), default=None)
            if other is not None:
                partners[at] = other
                start = other + 1
        if partners or len(lefts) != len(rights):
            return partners
        whole = all(_is_whole(self.left, part) for part in lefts)
        if whole and all(_is_whole(self.right, part) for part in rights):
            return {at: at for at in range(len(lefts))}
        return partners


def _parts(side: Prepared, begin: int, end: int, moved: Container[int]) -> list[Part]:
    """Cut tokens at the ends of blocks, and leave out what moved."""
    parts = []
    while begin < end:
        block = side.ordinal(begin)
        stop = min(end, side.first[block + 1])
        if block not in moved:
            parts.append((block, begin, stop))
        begin = stop
    return parts


def _is_whole(side: Prepared, part: Part) -> bool:
    return part[1] == side.first[part[0]] and part[2] == side.first[part[0] + 1]


def part_span(side: Prepared, part: Part) -> Span:
    """Span a part; a whole block with the white space at its ends."""
    if _is_whole(side, part):
        return Span(part[0], 0, len(side.block(part[0]).text))
    return Span(part[0], *side.bounds(part[1], part[2]))


def _joined(side: Prepared, parts: list[Part]) -> Span:
    """Span several parts as one; between blocks stands a blank line."""
    begin, end = side.bounds(parts[0][1], parts[0][2])
    if len(parts) == 1:
        return Span(parts[0][0], begin, end)
    text = side.text_between(parts[0][1], parts[-1][2])
    return Span(parts[0][0], begin, begin + len(text), text)
