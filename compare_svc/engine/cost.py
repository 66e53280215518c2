"""What comparing a pair costs, predicted from sizes alone, so that tasks can be cut before anything is read.

The model: a constant a pair, a part that grows with both texts (alignment of equal runs, emission) and a part
that grows with their product (bit-parallel alignment of what differs). Fitted on 2 cores by
`tests/benchmarks/compare_corpus.py cost`; only ratios matter, since the tiles' size is given in seconds.
"""

from __future__ import annotations

PAIR_S = 60e-6
CHARACTER_S = 12e-9
PRODUCT_S = 1.0e-12
PRODUCT_CHARACTERS_MAX = 60_000
"""Beyond this length anchors take over, so the product grows no further."""


def predict_cost(left_characters: int, right_characters: int) -> float:
    """Predict the seconds of one core that comparing two texts of these lengths (code points) takes."""
    product = min(left_characters, PRODUCT_CHARACTERS_MAX) * min(right_characters, PRODUCT_CHARACTERS_MAX)
    return PAIR_S + CHARACTER_S * (left_characters + right_characters) + PRODUCT_S * product
