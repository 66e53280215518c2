"""Results larger than a message: cutting them into parts, and naming a tile's pairs.

A part is a message of the whole's own type; merging the parts in order, as protobuf merges, gives the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from collatio.v1 import compare_pb2, extract_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

M = TypeVar("M", extract_pb2.Extraction, compare_pb2.CompareConclusion)
PART_BYTES = 1 << 20


def split(message: M, bytes_max: int = PART_BYTES) -> Iterator[M]:
    """Cut an extraction or a conclusion into parts of about `bytes_max` at most, between its values."""
    if message.ByteSize() <= bytes_max:
        yield message
        return
    part, size = type(message)(), 0
    for name, value in _values(message):
        cost = value.ByteSize() + 8 if hasattr(value, "ByteSize") else 8 + len(str(value))
        if size and size + cost > bytes_max:
            yield part
            part, size = type(message)(), 0
        _put(part, name, value)
        size += cost
    yield part


def _values(message: Any) -> Iterator[tuple[str, Any]]:
    """Go through a message's set fields, a repeated one value by value."""
    for field, value in message.ListFields():
        if field.is_repeated:
            for one in value:
                yield field.name, one
        else:
            yield field.name, value


def _put(message: Any, name: str, value: Any) -> None:
    target = getattr(message, name)
    if hasattr(target, "append"):
        target.append(value)
    elif hasattr(value, "ByteSize"):
        target.CopyFrom(value)
    else:
        setattr(message, name, value)


def split_comparison(
    comparison: compare_pb2.Comparison, bytes_max: int = PART_BYTES
) -> Iterator[compare_pb2.Comparison]:
    """Cut a comparison into parts of about `bytes_max` at most, between its changes."""
    if comparison.ByteSize() <= bytes_max:
        yield comparison
        return
    part = compare_pb2.Comparison()
    part.CopyFrom(comparison)
    del part.changes[:]
    size = part.ByteSize()
    for change in comparison.changes:
        cost = change.ByteSize() + 8
        if size + cost > bytes_max and part.changes:
            yield part
            part, size = compare_pb2.Comparison(), 0
        part.changes.append(change)
        size += cost
    yield part


def named_pairs(
    found: compare_pb2.TileComparisons, plan: compare_pb2.ComparePlan, tile: compare_pb2.PlannedTile
) -> Iterator[compare_pb2.Comparison]:
    """Put a job's own names into a tile's comparisons, which know their documents by order only."""
    for comparison, a, b in zip(found.comparisons, tile.left, tile.right, strict=True):
        left, right = plan.documents[a], plan.documents[b]
        for side, document in ((comparison.left, left), (comparison.right, right)):
            side.document_id = document.document_id
            side.uri = document.uri
            side.sha256 = document.sha256
        comparison.comparison_id = f"{left.document_id}..{right.document_id}"
        yield comparison
