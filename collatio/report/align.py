"""Put the blocks of two texts side by side.

Theory: what is left of either text, once everything that was deleted, inserted or moved is taken out, is one and
the same stream of letters and digits. Each block covers a stretch of that stream, perhaps an empty one; blocks
whose stretches overlap stand in one row. A paragraph that was split stands beside both its halves.

Where the streams differ all the same (a list of changes that was cut, differences the job was told to ignore), the
blocks that say the same once on each side are anchors, and what lies between them stands alone.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.report.marks import Marked
    from collatio.report.model import Block, Change

Links = set[tuple[int, int]]


class Row(NamedTuple):
    """Blocks that stand side by side, by index; one side may be empty."""

    left: tuple[int, ...]
    right: tuple[int, ...]


def residue(text: str) -> str:
    """Reduce a text to what alignment compares: letters and digits, folded."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def align(
    left: Marked,
    right: Marked,
    changes: Sequence[Change],
    tables: Sequence[tuple[int | None, int | None]] = (),
) -> list[Row]:
    """Pair the blocks of two marked texts, in order; every block is in exactly one row.

    `tables` are those that changed, as pairs, None for the side on which there is none.
    """
    kept_left = _kept(left, {a for a, _ in tables if a is not None})
    kept_right = _kept(right, {b for _, b in tables if b is not None})
    links = _links(left, right, changes, {(a, b) for a, b in tables if a is not None and b is not None})
    if "".join(kept_left) == "".join(kept_right):
        return _by_stream(kept_left, kept_right, links)
    return _by_anchors(kept_left, kept_right, links)


def _kept(side: Marked, tables: set[int]) -> list[str]:
    """Give what is left of each block once its marks are taken out."""
    text, marks = side.paper.text, side.marks
    kept, first = [], 0
    for block in side.paper.blocks:
        if block.table is not None and block.table in tables:
            kept.append("")
            continue
        while first < len(marks) and marks[first].end <= block.start:
            first += 1
        kept.append(residue(_unmarked(text, block, side, first)))
    return kept


def _unmarked(text: str, block: Block, side: Marked, first: int) -> str:
    parts, at = [], block.start
    for mark in side.marks[first:]:
        if mark.start >= block.end:
            break
        if mark.start > at:
            parts.append(text[at : mark.start])
        at = max(at, mark.end)
    if at < block.end:
        parts.append(text[at : block.end])
    return "".join(parts)


def _links(left: Marked, right: Marked, changes: Sequence[Change], tables: Links) -> Links:
    """Name the blocks that a replacement or a table stands for on both sides."""
    links = {
        (change.left.block, change.right.block)
        for change in changes
        if change.scope == "TEXT" and change.kind == "REPLACED" and change.left and change.right
    }
    at_left = {block.table: at for at, block in enumerate(left.paper.blocks) if block.table is not None}
    at_right = {block.table: at for at, block in enumerate(right.paper.blocks) if block.table is not None}
    links |= {(at_left[a], at_right[b]) for a, b in tables if a in at_left and b in at_right}
    return links


def _by_stream(left: Sequence[str], right: Sequence[str], links: Links) -> list[Row]:
    rows: list[Row] = []
    furthest: dict[int, int] = {}
    for a, b in links:
        furthest[a] = max(b, furthest.get(a, -1))
    i = j = 0
    while i < len(left) or j < len(right):
        empty_left, empty_right = i < len(left) and not left[i], j < len(right) and not right[j]
        if empty_left and empty_right and (i, j) in links:
            rows.append(Row((i,), (j,)))
            i, j = i + 1, j + 1
        elif empty_left and not (empty_right and furthest.get(i, -1) > j):
            rows.append(Row((i,), ()))
            i += 1
        elif empty_right:
            rows.append(Row((), (j,)))
            j += 1
        else:
            i_end, j_end = _joint(left, right, i, j)
            rows.append(Row(tuple(range(i, i_end)), tuple(range(j, j_end))))
            i, j = i_end, j_end
    return rows


def _joint(left: Sequence[str], right: Sequence[str], i: int, j: int) -> tuple[int, int]:
    """Extend a row until both sides end at the same place of the stream."""
    ahead = len(left[i]) - len(right[j])
    i, j = i + 1, j + 1
    while ahead:
        if ahead > 0:
            ahead -= len(right[j])
            j += 1
        else:
            ahead += len(left[i])
            i += 1
    return i, j


def _by_anchors(left: Sequence[str], right: Sequence[str], links: Links) -> list[Row]:
    anchors = _grown(left, right, _chain(sorted(_same_once(left, right) | links)))
    rows: list[Row] = []
    i = j = 0
    for a, b in [*anchors, (len(left), len(right))]:
        rows += [Row((each,), ()) for each in range(i, a)]
        rows += [Row((), (each,)) for each in range(j, b)]
        if a < len(left):
            rows.append(Row((a,), (b,)))
        i, j = a + 1, b + 1
    return rows


def _same_once(left: Sequence[str], right: Sequence[str]) -> Links:
    counts_left, counts_right = Counter(left), Counter(right)
    where = {text: at for at, text in enumerate(right) if text and counts_right[text] == 1}
    return {(at, where[text]) for at, text in enumerate(left) if counts_left[text] == 1 and text in where}


def _chain(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Keep the longest run of pairs that rise on both sides (patience sorting)."""
    tops: list[int] = []
    piles: list[int] = []
    before: list[int] = []
    by_left = sorted(pairs, key=lambda pair: (pair[0], -pair[1]))
    for at, (_, b) in enumerate(by_left):
        pile = bisect_left(tops, b)
        before.append(piles[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(b)
            piles.append(at)
        else:
            tops[pile], piles[pile] = b, at
    chain = []
    at = piles[-1] if piles else -1
    while at >= 0:
        chain.append(by_left[at])
        at = before[at]
    return chain[::-1]


def _grown(left: Sequence[str], right: Sequence[str], chain: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Let each anchor take in the equal blocks that follow and precede it."""
    ends = [(-1, -1), *chain, (len(left), len(right))]
    grown: list[tuple[int, int]] = []
    for (a, b), (c, d) in pairwise(ends):
        if a >= 0:
            grown.append((a, b))
        i, j = a + 1, b + 1
        while i < c and j < d and left[i] == right[j] and left[i]:
            grown.append((i, j))
            i, j = i + 1, j + 1
        tail: list[tuple[int, int]] = []
        k, n = c - 1, d - 1
        while k >= i and n >= j and left[k] == right[n] and left[k]:
            tail.append((k, n))
            k, n = k - 1, n - 1
        grown += tail[::-1]
    return grown
