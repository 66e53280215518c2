"""Write what changed in fields, metadata, links and pictures: by value, not by spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.report.markup import Markup, el, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.report.model import Change

VALUES_MAX = 200
_SCOPES = {"FIELD": "field", "METADATA": "metadata", "LINK": "link", "PICTURE": ""}
DIGEST_SHOWN = 12


def values_table(changes: Sequence[Change]) -> Markup | None:
    """Write the table of changed values; None where none changed. Likely artefacts are marked as such."""
    values = [change for change in changes if change.scope in _SCOPES]
    if not values:
        return None
    values.sort(key=lambda change: (change.artifact, change.scope))
    rows = [_row(change) for change in values[:VALUES_MAX]]
    only_artifacts = all(change.artifact for change in values)
    return el(
        "table",
        el("caption", "Fields, metadata, links and pictures"),
        el("thead", el("tr", (el("th", head, scope="col") for head in ("Name", "Was", "Is")))),
        el("tbody", rows),
        class_="values art" if only_artifacts else "values",
    )


def _row(change: Change) -> Markup:
    spot = change.right or change.left
    name = spot.name if spot is not None else ""
    left, right = (change.left_text, change.left_value), (change.right_text, change.right_value)
    if change.scope == "PICTURE":
        left, right = (change.left_value[:DIGEST_SHOWN], ""), (change.right_value[:DIGEST_SHOWN], "")
    return el(
        "tr",
        el("th", el("bdi", name.replace("_", " ")), " ", el("small", _SCOPES[change.scope]), scope="row"),
        el("td", _value(*left, "del")),
        el("td", _value(*right, "ins")),
        class_="art" if change.artifact else None,
    )


def _value(text: str, value: str, tag: str) -> Markup | None:
    if not text:
        return None
    normal = el("small", f" = {value}") if value and value != text else None
    return joined(el(tag, text), normal)
