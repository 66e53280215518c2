"""Finds, within a run of equal words, where the spacing or the spelling of the same word differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compare_svc.engine.artifacts import ENCODING, WHITESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compare_svc.engine.blocks import Piece
    from compare_svc.engine.model import Ignore
    from compare_svc.engine.prepare import Prepared

JOIN_TOKENS_MAX = 24
"""Differences of spacing at most this many tokens apart are one edit: a text that was wrapped anew is one."""

SpanTuple = tuple[int, int, int, str]
Spaced = tuple[tuple[int, int], SpanTuple, SpanTuple, str]


def spacing_edits(left: Prepared, right: Prepared, piece: Piece, ignore: Ignore) -> Iterator[Spaced]:
    """Yield the position in tokens, the spans and the reason of each such difference."""
    left_text = left.block(piece.left_block).text
    right_text = right.block(piece.right_block).text
    if left_text == right_text and piece.left - left.first[piece.left_block] == (
        piece.right - right.first[piece.right_block]
    ):
        return
    begin, end = left.bounds(piece.left, piece.left + piece.length)
    other, other_end = right.bounds(piece.right, piece.right + piece.length)
    if left_text[begin:end] == right_text[other:other_end]:
        return
    found = list(_differences(left, right, piece, ignore))
    begin = 0
    for at in range(1, len(found) + 1):
        if at < len(found) and _belongs(found[at - 1], found[at]):
            continue
        yield _spaced(left, right, piece, (found[begin][0], found[at - 1][1]), found[begin][2])
        begin = at


def _belongs(before: tuple[int, int, str], after: tuple[int, int, str]) -> bool:
    """Tell whether two differences are told as one."""
    return after[2] == before[2] and after[0] - before[1] <= 2 * JOIN_TOKENS_MAX


def _differences(
    left: Prepared, right: Prepared, piece: Piece, ignore: Ignore
) -> Iterator[tuple[int, int, str]]:
    """Yield the boundaries of tokens, from 0 at the run's begin to 2n, between which the texts differ.

    Boundary 2k is where the k-th token begins, 2k + 1 where it ends.
    """
    left_text, right_text = left.block(piece.left_block).text, right.block(piece.right_block).text
    first, other_first = left.first[piece.left_block], right.first[piece.right_block]
    lefts = left.offsets(piece.left_block)[piece.left - first : piece.left - first + piece.length]
    start = piece.right - other_first
    rights = right.offsets(piece.right_block)[start : start + piece.length]
    before = other_before = -1
    for at, ((begin, end), (other, other_end)) in enumerate(zip(lefts, rights, strict=True)):
        if before >= 0 and not ignore.whitespace:
            gap, other_gap = left_text[before:begin], right_text[other_before:other]
            if gap != other_gap and not (gap + other_gap).strip():
                yield 2 * at - 1, 2 * at, WHITESPACE
        word, other_word = left_text[begin:end], right_text[other:other_end]
        if word != other_word and not (ignore.case and word.casefold() == other_word.casefold()):
            yield 2 * at, 2 * at + 1, ENCODING
        before, other_before = end, other_end


def _spaced(left: Prepared, right: Prepared, piece: Piece, bounds: tuple[int, int], reason: str) -> Spaced:
    spans = []
    for side, block, start in (
        (left, piece.left_block, piece.left),
        (right, piece.right_block, piece.right),
    ):
        offsets = side.offsets(block)
        first = start - side.first[block]
        low, high = (offsets[first + bound // 2][bound % 2] for bound in bounds)
        spans.append((block, low, high, side.block(block).text[low:high]))
    return (piece.left + bounds[0] // 2, piece.right + bounds[0] // 2), spans[0], spans[1], reason


def break_text(side: Prepared, token: int) -> SpanTuple:
    """Span what stands between a token and the one before: white space, or a block's end."""
    block, next_block = side.ordinal(token - 1), side.ordinal(token)
    begin = side.bounds(token - 1, token)[1]
    between = side.text_over((block, begin), (next_block, side.bounds(token, token + 1)[0]))
    return block, begin, begin + len(between), between
