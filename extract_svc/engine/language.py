"""Tells the language of a text, by py3langid (BSD; DECISIONS.md has the figures)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extract_svc.engine.model import Block

_SAMPLE_CHARACTERS = 2_000
_LETTERS_MIN = 24
_PROBABILITY_MIN = 0.9


def detect(blocks: Iterable[Block]) -> str:
    """Answer a BCP 47 tag for the first two thousand characters of text, "" where it cannot be told."""
    parts: list[str] = []
    size = 0
    for block in blocks:
        parts.append(block.text[: _SAMPLE_CHARACTERS - size])
        size += len(parts[-1])
        if size >= _SAMPLE_CHARACTERS:
            break
    text = " ".join(parts)
    if sum(map(str.isalpha, text)) < _LETTERS_MIN:
        return ""
    tag, probability = _identifier().classify(text)
    return str(tag) if probability >= _PROBABILITY_MIN else ""


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import (  # type: ignore[import-untyped]  # noqa: PLC0415 - no stubs; worker only
        MODEL_FILE,
        LanguageIdentifier,
    )

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
