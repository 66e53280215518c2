"""Finds labelled values: those a caller asked for by rule and those the layout shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.model import Extraction, Field, FieldRule


def find_fields(found: Extraction, rules: Sequence[FieldRule]) -> tuple[Field, ...]:
    """Find the fields of an extraction."""
    return ()
