"""Writes a formula of Office Math (ECMA-376 part 1, section 22.1) on one line, as a reader would type it.

The notation is UnicodeMath's (Unicode technical note 28): x², a₁, (n+1)/2, ∑_(k=0)^n. Its purpose is that what
differs between two formulas differs in text; an element that is not known is read through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extract_svc.engine.ooxml import attribute

if TYPE_CHECKING:
    from extract_svc.engine.ooxml import Names

_PROPERTIES_END = "Pr"
_REMOVED = {"del", "moveFrom"}
_INTEGRAL, _BRACES = "\u222b", ("(", ")")
_ABOVE = str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
_BELOW = str.maketrans("0123456789", "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089")
_ROOT, _FRACTION, _CHOOSE = "\u221a", "/", "\u00a6"


def linear(names: Names, element: Any) -> str:
    """Write a formula, or a part of one."""
    return "".join(_written(names, child) for child in element)


def _written(names: Names, element: Any) -> str:
    tag = names[element.tag]
    if tag == "t":
        return element.text or ""
    if tag.endswith(_PROPERTIES_END) or tag in _REMOVED:
        return ""
    write = _WRITERS.get(tag)
    return linear(names, element) if write is None else write(names, element)


def _parts(names: Names, element: Any, tag: str) -> list[str]:
    return [linear(names, child) for child in element if names[child.tag] == tag]


def _part(names: Names, element: Any, tag: str) -> str:
    return next(iter(_parts(names, element, tag)), "")


def _stated(names: Names, element: Any, name: str, default: str) -> str:
    """Give a property's value: the default where it is not stated."""
    for properties in element:
        if names[properties.tag].endswith(_PROPERTIES_END):
            for each in properties:
                if names[each.tag] == name:
                    return attribute(each, "val") or ""
    return default


def _grouped(text: str) -> str:
    """Put what is longer than a name or a number in brackets, unless it stands in brackets."""
    return text if len(text) <= 1 or text.replace(".", "").isalnum() or _is_enclosed(text) else f"({text})"


def _is_enclosed(text: str) -> bool:
    """Tell whether the first bracket is closed by the last sign."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth <= 0:
            return at == len(text) - 1 and sign == ")"
    return False


def _script(names: Names, element: Any) -> str:
    low, high = _part(names, element, "sub"), _part(names, element, "sup")
    return _lowered(low) + _raised(high)


def _lowered(text: str) -> str:
    if not text.isdigit() or not text.isascii():
        return f"_{_grouped(text)}" if text else ""
    return text.translate(_BELOW)


def _raised(text: str) -> str:
    if not text.isdigit() or not text.isascii():
        return f"^{_grouped(text)}" if text else ""
    return text.translate(_ABOVE)


def _scripted(names: Names, element: Any) -> str:
    return _grouped(_part(names, element, "e")) + _script(names, element)


def _fraction(names: Names, element: Any) -> str:
    bar = _CHOOSE if _stated(names, element, "type", "bar") == "noBar" else _FRACTION
    return _grouped(_part(names, element, "num")) + bar + _grouped(_part(names, element, "den"))


def _root(names: Names, element: Any) -> str:
    degree, inside = _part(names, element, "deg"), _part(names, element, "e")
    return f"{_ROOT}({degree}&{inside})" if degree else f"{_ROOT}({inside})"


def _operator(names: Names, element: Any) -> str:
    sign = _stated(names, element, "chr", _INTEGRAL)
    return f"{sign}{_script(names, element)} {_part(names, element, 'e')}"


def _delimited(names: Names, element: Any) -> str:
    begin = _stated(names, element, "begChr", _BRACES[0])
    end = _stated(names, element, "endChr", _BRACES[1])
    return begin + _stated(names, element, "sepChr", "|").join(_parts(names, element, "e")) + end


def _function(names: Names, element: Any) -> str:
    argument = _part(names, element, "e")
    name = _part(names, element, "fName")
    return name + (argument if _is_enclosed(argument) else f"({argument})")


def _limit(names: Names, element: Any) -> str:
    mark = "_" if names[element.tag] == "limLow" else "^"
    return _part(names, element, "e") + mark + _grouped(_part(names, element, "lim"))


def _matrix(names: Names, element: Any) -> str:
    rows = (row for row in element if names[row.tag] == "mr")
    return "[" + "; ".join(", ".join(_parts(names, row, "e")) for row in rows) + "]"


def _lines(names: Names, element: Any) -> str:
    return "\n".join(_parts(names, element, "e"))


_WRITERS = {
    "sSup": _scripted,
    "sSub": _scripted,
    "sSubSup": _scripted,
    "f": _fraction,
    "rad": _root,
    "nary": _operator,
    "d": _delimited,
    "func": _function,
    "limLow": _limit,
    "limUpp": _limit,
    "m": _matrix,
    "eqArr": _lines,
}
