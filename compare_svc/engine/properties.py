"""Compares fields and metadata by their normalised values."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC
from typing import TYPE_CHECKING

from compare_svc.engine.artifacts import FORMAT
from compare_svc.engine.model import Change, ChangeKind, ChangeScope, Field, Ignore, Place
from compare_svc.engine.patterns import compile_patterns, counted
from compare_svc.engine.values import comparable, normalise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from compare_svc.engine.model import Document, Metadata

NOTHING = Ignore()


def compare_fields(
    left: Document, right: Document, ignore: Ignore = NOTHING
) -> tuple[list[Change], float | None]:
    """List the changes of fields and give their similarity."""
    total = len(left.fields) + len(right.fields)
    if not total:
        return [], None
    names: dict[str, tuple[list[Field], list[Field]]] = {}
    for side, document in enumerate((left, right)):
        for entry in document.fields:
            names.setdefault(_name(entry.name), ([], []))[side].append(entry)
    changes: list[Change] = []
    for name in sorted(names):
        lefts, rights = _unequal(*names[name], ignore)
        changes.extend(_pair_up(lefts, rights))
    unequal = sum((change.left is not None) + (change.right is not None) for change in changes)
    return changes, (total - unequal) / total


def _name(name: str) -> str:
    return " ".join(name.split()).casefold().rstrip(":")


def _unequal(lefts: list[Field], rights: list[Field], ignore: Ignore) -> tuple[list[Field], list[Field]]:
    """Drop the fields whose values stand on both sides."""
    waiting: defaultdict[str, list[Field]] = defaultdict(list)
    for entry in rights:
        waiting[_value(entry.raw, entry.value, ignore)].append(entry)
    left_over = []
    for entry in lefts:
        same = waiting[_value(entry.raw, entry.value, ignore)]
        if same:
            same.pop(0)
        else:
            left_over.append(entry)
    gone = {id(entry) for entries in waiting.values() for entry in entries}
    return left_over, [entry for entry in rights if id(entry) in gone]


def _value(raw: str, value: str, ignore: Ignore) -> str:
    """Give what a value is compared by; one that a pattern touches is compared by what is left of it."""
    kept = counted(raw, compile_patterns(ignore.patterns))
    found = comparable(kept, value if kept == raw else "")
    return found.casefold() if ignore.case else found


def _pair_up(lefts: list[Field], rights: list[Field]) -> Iterator[Change]:
    for at in range(max(len(lefts), len(rights))):
        left = lefts[at] if at < len(lefts) else None
        right = rights[at] if at < len(rights) else None
        yield Change(
            _kind(left, right),
            ChangeScope.FIELD,
            _place(left),
            _place(right),
            left.raw if left else "",
            right.raw if right else "",
            (left.value or normalise(left.raw)) if left else "",
            (right.value or normalise(right.raw)) if right else "",
        )


def _kind(left: object, right: object) -> ChangeKind:
    if left and right:
        return ChangeKind.VALUE_CHANGED
    return ChangeKind.DELETED if left else ChangeKind.INSERTED


def _place(entry: Field | None) -> Place | None:
    if entry is None:
        return None
    return Place(entry.page, entry.block, box=entry.box, name=entry.name)


def compare_metadata(left: Document, right: Document, ignore: Ignore = NOTHING) -> list[Change]:
    """List the changes of what the documents say of themselves, sorted by property.

    Between two formats they are likely artefacts: each format and its program state what they please.
    """
    lefts, rights = _stated(left.metadata), _stated(right.metadata)
    reason = FORMAT if left.media_type != right.media_type else ""
    changes = []
    for name in sorted(lefts.keys() | rights.keys()):
        first, second = lefts.get(name, ""), rights.get(name, "")
        if _value(first, "", ignore) == _value(second, "", ignore):
            continue
        changes.append(
            Change(
                _kind(first, second),
                ChangeScope.METADATA,
                Place(name=name) if first else None,
                Place(name=name) if second else None,
                first,
                second,
                normalise(first),
                normalise(second),
                likely_artifact=bool(reason),
                artifact_reason=reason,
            )
        )
    return changes


def _stated(metadata: Metadata) -> dict[str, str]:
    stated = {
        "title": metadata.title,
        "author": metadata.author,
        "subject": metadata.subject,
        "keywords": ", ".join(metadata.keywords),
        "create_time": _time(metadata.create_time),
        "modify_time": _time(metadata.modify_time),
        "language": metadata.language,
        "page_count": str(metadata.page_count) if metadata.page_count else "",
    }
    return {name: value for name, value in stated.items() if value}


def _time(moment: datetime | None) -> str:
    """Write a moment in UTC; one without a zone is taken as UTC."""
    if moment is None:
        return ""
    return (
        (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        .astimezone(UTC)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
    )
