"""Measures how alike two prepared documents are; the contract's Similarity says how each figure is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz.distance import LCSseq

from compare_svc.engine.model import Similarity
from compare_svc.engine.shingles import jaccard

if TYPE_CHECKING:
    from compare_svc.engine.prepare import Prepared

WEIGHTS = {"text": 0.5, "shingles": 0.2, "structure": 0.1, "tables": 0.1, "fields": 0.1}


def measure(
    left: Prepared,
    right: Prepared,
    words_equal: int,
    *,
    artifact_words: int = 0,
    tables: float | None,
    fields: float | None,
) -> Similarity:
    """Put together the figures of a pair; words that differ only as artefacts do not count against it."""
    words = left.word_count() + right.word_count()
    words -= artifact_words if artifact_words < words else 0
    parts = {
        "shingles": _shingles(left, right),
        "text": 2 * words_equal / words if words else None,
        "structure": _structure(left.structure, right.structure),
        "tables": tables,
        "fields": fields,
    }
    return Similarity(**parts, overall=overall(parts))


def _shingles(left: Prepared, right: Prepared) -> float | None:
    if left.hashed.has_source and right.hashed.has_source:
        return jaccard(left.hashed.of_source, right.hashed.of_source)
    return jaccard(left.hashed.of_blocks, right.hashed.of_blocks)


def overall(parts: dict[str, float | None]) -> float | None:
    """Give the weighted mean of the figures that are set; unset if none is."""
    weight = sum(WEIGHTS[name] for name, value in parts.items() if value is not None)
    if not weight:
        return None
    if all(value == 1.0 for value in parts.values() if value is not None):
        return 1.0  # without a rounding error
    return sum(WEIGHTS[name] * value for name, value in parts.items() if value is not None) / weight


def _structure(left: str, right: str) -> float | None:
    if not left and not right:
        return None
    if left == right:
        return 1.0
    return 2 * LCSseq.similarity(left, right) / (len(left) + len(right))
