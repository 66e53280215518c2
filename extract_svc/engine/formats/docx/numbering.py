"""Automatic numbers of a Word document's lists, counted as Word counts them ([ECMA-376] part 1, 17.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extract_svc.engine.ooxml import Names, attribute

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = re.compile(r"%(\d)")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_LEVELS = 9


@dataclass(frozen=True, slots=True)
class _Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""


class Numbering:
    """The lists of a document and how far each has counted."""

    def __init__(self, lists: Mapping[str, tuple[str, Mapping[int, _Level]]]) -> None:
        self._lists = lists
        self._counts: dict[str, list[int]] = {}
        self._started: set[str] = set()

    @classmethod
    def read(cls, root: Any, names: Names) -> Numbering:
        """Read `numbering.xml`; none if there is none."""
        abstract: dict[str, dict[int, _Level]] = {}
        lists: dict[str, tuple[str, Mapping[int, _Level]]] = {}
        for element in root if root is not None else ():
            tag = names[element.tag]
            if tag in ("abstractNum", "listDef"):
                key = attribute(element, "abstractNumId") or attribute(element, "listDefId") or ""
                abstract[key] = {
                    _number(attribute(child, "ilvl"), 0): _level(child, names)
                    for child in element
                    if names[child.tag] == "lvl"
                }
            elif tag in ("num", "list"):
                _add_list(element, names, abstract, lists)
        return cls(lists)

    def next(self, list_id: str, level: int) -> str:
        """Count one item on and answer its label: "2.1", "b)", "" for a bullet or an unknown list."""
        key, levels = self._lists.get(list_id, ("", {}))
        if not levels or not 0 <= level < _LEVELS:
            return ""
        counts = self._counts.setdefault(key, [0] * _LEVELS)
        if list_id not in self._started:
            self._started.add(list_id)
        at = levels.get(level, _Level())
        counts[level] = counts[level] + 1 if counts[level] else at.start
        for below in range(level + 1, _LEVELS):
            counts[below] = 0
        if at.form in ("bullet", "none") or not at.text:
            return ""

        def write(found: re.Match[str]) -> str:
            place = int(found[1]) - 1
            other = levels.get(place, _Level())
            return _written(counts[place] or other.start, other.form) if 0 <= place < _LEVELS else ""

        return _PLACE.sub(write, at.text)


def _add_list(
    element: Any,
    names: Names,
    abstract: Mapping[str, Mapping[int, _Level]],
    lists: dict[str, tuple[str, Mapping[int, _Level]]],
) -> None:
    key = attribute(element, "numId") or attribute(element, "ilfo") or ""
    base = ""
    overrides: dict[int, int] = {}
    for child in element:
        tag = names[child.tag]
        if tag in ("abstractNumId", "ilst"):
            base = attribute(child, "val") or ""
        elif tag == "lvlOverride":
            start = next((attribute(c, "val") for c in child if names[c.tag] == "startOverride"), None)
            if start is not None:
                overrides[_number(attribute(child, "ilvl"), 0)] = _number(start, 1)
    levels = dict(abstract.get(base, {}))
    for level, first in overrides.items():
        old = levels.get(level, _Level())
        levels[level] = _Level(first, old.form, old.text)
    lists[key] = (f"{base}/{key}" if overrides else base, levels)


def _level(element: Any, names: Names) -> _Level:
    start, form, text = 1, "decimal", ""
    for child in element:
        tag, value = names[child.tag], attribute(child, "val") or ""
        if tag == "start":
            start = _number(value, 1)
        elif tag == "numFmt":
            form = value
        elif tag == "nfc":
            form = {"23": "bullet", "2": "lowerRoman", "1": "upperRoman", "4": "lowerLetter"}.get(
                value, "decimal"
            )
        elif tag == "lvlText":
            text = value
    return _Level(start, form, text)


def _written(number: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(97 + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if form == "upperLetter" else letter
    if form in ("lowerRoman", "upperRoman"):
        return roman(number).upper() if form == "upperRoman" else roman(number)
    return f"{number:02d}" if form == "decimalZero" else str(number)


def roman(number: int) -> str:
    """Write a number in small Roman numerals."""
    parts = []
    for value, sign in _ROMAN:
        count, number = divmod(min(number, 4999), value)
        parts.append(sign * count)
    return "".join(parts)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.lstrip("-").isdigit() else default
