"""What comparing costs, predicted from sizes alone, so that tasks can be cut before anything is read.

The model: a part for each document of a task (reading its words), and for each pair a constant, a part that
grows with both texts and one that grows with their product (bit-parallel alignment of what differs). Fitted
on 2 shared cores to the corpus by `tests/benchmarks/compare_corpus.py cost`; a text may well take a third of
its prediction, or twice as much, by how alike the two are.
"""

from __future__ import annotations

DOCUMENT_S = 150e-6
DOCUMENT_CHARACTER_S = 300e-9
PAIR_S = 220e-6
CHARACTER_S = 180e-9
PRODUCT_S = 2.5e-13
PRODUCT_CHARACTERS_MAX = 60_000
"""Beyond this length anchors take over, so the product grows no further."""


def predict_cost(left_characters: int, right_characters: int) -> float:
    """Predict the seconds of one core that comparing two texts of these lengths (code points) takes."""
    product = min(left_characters, PRODUCT_CHARACTERS_MAX) * min(right_characters, PRODUCT_CHARACTERS_MAX)
    return PAIR_S + CHARACTER_S * (left_characters + right_characters) + PRODUCT_S * product


def predict_document_cost(characters: int) -> float:
    """Predict the seconds that a task spends on each of its documents once, before any pair."""
    return DOCUMENT_S + DOCUMENT_CHARACTER_S * characters
