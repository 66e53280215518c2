"""Write HTML so that nothing a document says can become markup.

Rules: text is escaped unless it is `Markup`, and only this module makes `Markup` of text; an attribute's value
is always escaped and always quoted; a link leads to an anchor or a file beside the page, never to a scheme;
neither `style` nor an event handler can be written as an attribute, so that the page's policy can forbid both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINK = re.compile(r"#[\w-]+|(?:\.\./)?[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)?(?:#[\w-]+)?")
_VOID = frozenset({"br", "input", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[str] | None"
Attribute: TypeAlias = "str | int | float | bool | None"


def escaped(text: str) -> Markup:
    """Escape text for an element or a quoted attribute; what no HTML may hold becomes U+FFFD."""
    if isinstance(text, Markup):
        return text
    if _UNPRINTABLE.search(text):
        text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return Markup(text.translate(_ENTITIES))


def joined(*children: Child) -> Markup:
    """Put text and markup together; None is nothing, an iterable its parts."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            parts.append(escaped(child))
        else:
            parts.extend(escaped(each) for each in child)
    return Markup("".join(parts))


def el(tag: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Write an element. `class_` is `class`, `data_of` is `data-of`; None and False leave an attribute out.

    Errors: ValueError for an attribute that a document's text must never reach.
    """
    head = tag + "".join(
        _attribute(key, value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{head}>")
    return Markup(f"<{head}>{joined(*children)}</{tag}>")


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name == "style" or name.startswith("on"):
        raise ValueError(f"the attribute {name} is not for this page")
    if name in {"href", "src", "action"} and not (isinstance(value, str) and _LINK.fullmatch(value)):
        raise ValueError("a link leads to an anchor or a file beside the page")
    if value is True:
        return f" {name}"
    return f' {name}="{escaped(str(value))}"'
