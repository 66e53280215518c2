"""Paragraph styles of a Word document: which are headings, which carry a list's numbering."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extract_svc.engine.ooxml import Names, attribute

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titolo|заголовок|见出し|标题)\s*(\d)$", re.IGNORECASE
)
_CODE = re.compile(
    r"\b(?:code|source|preformatted|listing|verbatim)\b|HTML Preformatted|macro text", re.IGNORECASE
)
_MAX_CHAIN = 20


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says of its paragraphs: heading level (0: none), list id and level, whether it is code."""

    level: int = 0
    list_id: str = ""
    list_level: int = 0
    code: bool = False
    outline: int = -1
    based_on: str = ""


class Styles:
    """Styles by id, inheritance resolved."""

    def __init__(self, styles: Mapping[str, Style]) -> None:
        self._styles = styles

    @classmethod
    def read(cls, root: Any, names: Names) -> Styles:
        """Read `styles.xml`; none if there is none."""
        raw: dict[str, Style] = {}
        for element in root if root is not None else ():
            if names[element.tag] == "style" and attribute(element, "type") == "paragraph":
                raw[attribute(element, "styleId") or ""] = _style(element, names)
        return cls({key: _resolve(key, raw) for key in raw})

    def get(self, style_id: str) -> Style:
        """Answer a style; an unknown one is plain, unless its very id speaks."""
        known = self._styles.get(style_id)
        if known is not None:
            return known
        found = _HEADING.match(style_id)
        return Style(level=int(found[1])) if found else Style()


def _style(element: Any, names: Names) -> Style:
    level, list_id, list_level, outline, based_on, code = 0, "", 0, -1, "", False
    for child in element.iter():
        tag = names[child.tag]
        value = attribute(child, "val") or ""
        if tag == "name":
            found = _HEADING.match(value)
            level = int(found[1]) if found else 1 if value.lower() == "title" else level
            code = _CODE.search(value) is not None
        elif tag == "outlineLvl" and value.isdigit():
            outline = int(value)
        elif tag == "basedOn":
            based_on = value
        elif tag == "numId":
            list_id = value
        elif tag == "ilvl" and value.isdigit():
            list_level = int(value)
    return Style(level, list_id, list_level, code, outline, based_on)


def _resolve(key: str, raw: Mapping[str, Style]) -> Style:
    chain: list[Style] = []
    while key in raw and len(chain) < _MAX_CHAIN:
        chain.append(raw[key])
        key = raw[key].based_on
    outline = next((s.outline for s in chain if s.outline >= 0), -1)
    level = next((s.level for s in chain if s.level), 0) or (outline + 1 if 0 <= outline < 9 else 0)
    numbered = next((s for s in chain if s.list_id), Style())
    return Style(level, numbered.list_id, numbered.list_level, any(s.code for s in chain), outline)
