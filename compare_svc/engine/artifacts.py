"""Names the reasons for which a difference likely comes from extraction, and sees through spelling."""

from __future__ import annotations

from compare_svc.engine.words import squash, without_hyphens

WHITESPACE = "WHITESPACE"
HYPHENATION = "HYPHENATION"
PAGE_FURNITURE = "PAGE_FURNITURE"
LOW_CONFIDENCE = "LOW_CONFIDENCE"
ENCODING = "ENCODING"
FORMAT = "FORMAT"

DISGUISES = frozenset({WHITESPACE, HYPHENATION, ENCODING})
"""Reasons that leave the words themselves the same."""

CONFIDENCE_MIN = 0.5


def disguise(left: str, right: str) -> str:
    """Give the reason why two texts differ though they say the same; empty if they do not."""
    if left == right:
        return ""
    if "".join(left.split()) == "".join(right.split()):
        return WHITESPACE
    first, second = squash(left), squash(right)
    if not first or not second:
        return ""
    if first == second:
        return ENCODING
    if without_hyphens(first) == without_hyphens(second) != "" and _breaks_word(left, right):
        return HYPHENATION
    return ""


def _breaks_word(left: str, right: str) -> bool:
    """Tell whether one side holds a hyphen before white space: where a line ended within a word."""
    return any(
        word.endswith(("-", "\u2010", "\u00ad")) for text in (left, right) for word in text.split()[:-1]
    )
