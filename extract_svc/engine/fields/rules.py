"""Fields asked for by rule. Patterns run on RE2, whose time is linear in the text whatever the pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2  # type: ignore[import-untyped]  # it ships no stubs

from collatio.runtime.errors import CollatioError, Reason, Violation
from extract_svc.engine.fields.places import Place, beside_label, place_of
from extract_svc.engine.fields.values import normalise
from extract_svc.engine.model import Extraction, Field, FieldRule, FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_PATTERN = 1_000
_MAX_PROGRAM_BYTES = 8 * 1024 * 1024
_MAX_RULES = 200
_MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule and the expression it searches with."""

    rule: FieldRule
    expression: Any


def compile_rules(rules: Sequence[FieldRule]) -> list[Compiled]:
    """Check and compile rules. Errors: CollatioError INVALID_REQUEST with a violation a fault."""
    faults: list[Violation] = []
    compiled: list[Compiled] = []
    seen: set[str] = set()
    if len(rules) > _MAX_RULES:
        faults.append(Violation("spec.fields", f"At most {_MAX_RULES} rules."))
    for n, rule in enumerate(rules[:_MAX_RULES]):
        where = f"spec.fields[{n}]"
        if not rule.name.strip() or len(rule.name) > _MAX_NAME:
            faults.append(Violation(f"{where}.name", f"Required, at most {_MAX_NAME} characters."))
        elif rule.name in seen:
            faults.append(Violation(f"{where}.name", "Unique within the spec."))
        seen.add(rule.name)
        if bool(rule.label) == bool(rule.pattern):
            faults.append(Violation(where, "Set exactly one of label and pattern."))
            continue
        try:
            compiled.append(Compiled(rule, _expression(rule)))
        except ValueError as error:
            part = "pattern" if rule.pattern else "label"
            faults.append(Violation(f"{where}.{part}", str(error)))
    if faults:
        raise CollatioError(Reason.INVALID_REQUEST, "A field rule is faulty.", violations=faults)
    return compiled


def _expression(rule: FieldRule) -> Any:
    options = re2.Options()
    options.max_mem = _MAX_PROGRAM_BYTES
    options.log_errors = False
    if rule.pattern:
        source = f"(?m){rule.pattern}"
    else:
        words = re.findall(r"\w+", rule.label)
        if not words:
            raise ValueError("A label needs a letter or a digit.")
        source = r"(?i)^\W*" + r"[^\pL\pN]+".join(re2.escape(word) for word in words) + r"([^\pL\pN].*|)$"
    if len(source) > _MAX_PATTERN:
        raise ValueError(f"At most {_MAX_PATTERN} characters.")
    try:
        return re2.compile(source, options)
    except re2.error as error:
        raise ValueError("Not a valid RE2 expression.") from error


def find_by_rule(found: Extraction, compiled: Compiled) -> Field | None:
    """Answer the first value that parses as its type, else the first value, None where there is none."""
    rule = compiled.rule
    kind = FieldType.TEXT if rule.type is FieldType.UNSPECIFIED else rule.type
    candidates = _by_pattern(found, compiled) if rule.pattern else beside_label(found, compiled.expression)
    fallback: Field | None = None
    for label, raw, place in candidates:
        value = normalise(raw, kind, found.metadata.language)
        field = Field(rule.name, label, raw, value, kind, True, place.page, place.block, place.box)
        if value:
            return field
        fallback = fallback or field
    return fallback


def _by_pattern(found: Extraction, compiled: Compiled) -> Iterator[tuple[str, str, Place]]:
    for n, block in enumerate(found.blocks):
        for match in compiled.expression.finditer(block.text):
            raw = match.group(1) if compiled.expression.groups else match.group(0)
            if raw and raw.strip():
                yield "", raw.strip(), place_of(found, n)
