"""Finds labelled values: those a caller asked for by rule and those the layout shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extract_svc.engine.fields.labels import find_labelled
from extract_svc.engine.fields.rules import compile_rules, find_by_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.model import Extraction, Field, FieldRule

__all__ = ["compile_rules", "find_fields"]


def find_fields(found: Extraction, rules: Sequence[FieldRule]) -> tuple[Field, ...]:
    """Answer the fields asked for, in the order of their rules, then those found by layout, in reading order.

    A rule that finds nothing gives no field. Errors: CollatioError INVALID_REQUEST for faulty rules.
    """
    asked = [field for rule in compile_rules(rules) if (field := find_by_rule(found, rule)) is not None]
    return (*asked, *find_labelled(found))
