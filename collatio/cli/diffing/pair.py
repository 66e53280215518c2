"""Diff two documents.

Rules: equal bytes are the same document, whatever they hold. Otherwise what the documents say is compared; where
a side has no text there is nothing to say, which is trouble, never "same": unless that side has no bytes at all.
Documents within (attachments, the files of an archive) are compared by their bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.cli.diffing.model import Members, PairDiff, Reading
from collatio.plugins.comparators import Change, ChangeKind, ChangeScope, ComparisonStatus, Place
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collatio.cli.diffing.model import Engines, Side
    from collatio.plugins.comparators import Comparison, Options

_ALL_IGNORED = "Nothing is left to compare once what is ignored is taken out."


def diff_pair(
    engines: Engines, left: Side, right: Side, options: Options, *, artifacts: bool = False
) -> PairDiff:
    """Diff two documents; `artifacts`: likely artefacts of extraction count as differences.

    Errors: CollatioError where a document cannot be read, or has no text to compare; its message names it.
    """
    if left.data == right.data:
        return PairDiff(left.name, right.name)
    readings = (_read(engines, left), _read(engines, right))
    comparison = engines.compare(*readings, options)
    members = _members(readings[0].members, readings[1].members)
    if comparison.status is ComparisonStatus.COMPARED:
        changes = tuple(each for each in comparison.changes if artifacts or not each.likely_artifact)
        hidden = len(comparison.changes) - len(changes)
    else:
        changes, hidden = _without_comparison(left, right, readings, comparison), 0
    return PairDiff(left.name, right.name, readings, comparison, changes, hidden, members)


def _read(engines: Engines, side: Side) -> Reading:
    try:
        return engines.read(side)
    except CollatioError as error:
        raise CollatioError(error.reason, f"{side.name}: {error.message}") from error


def _without_comparison(
    left: Side, right: Side, readings: tuple[Reading, Reading], comparison: Comparison
) -> tuple[Change, ...]:
    """Say what differs where nothing could be compared. Errors: CollatioError where that cannot be said."""
    if not left.data or not right.data:
        return tuple(_whole(readings[1 if right.data else 0], inserted=bool(right.data)))
    wordless = [reading for reading in readings if not reading.document.has_text]
    if len(wordless) == 2 and all(reading.members for reading in readings):
        return ()  # archives: what they hold is all there is
    reason = comparison.error.reason if comparison.error else Reason.NO_TEXT
    raise CollatioError(Reason(reason), " ".join(map(_why_wordless, wordless)) or _ALL_IGNORED)


def _why_wordless(reading: Reading) -> str:
    said = " ".join(message for _, message in reading.warnings) or "The document holds no text."
    return f"{reading.document.uri}: {said}"


def _whole(reading: Reading, *, inserted: bool) -> list[Change]:
    """List all blocks of a document as inserted or deleted: the other side is an empty file."""
    changes = []
    for at, block in enumerate(reading.document.blocks):
        place = Place(block.page, at, 0, len(block.text), block.box)
        if inserted:
            changes.append(Change(ChangeKind.INSERTED, ChangeScope.TEXT, None, place, "", block.text))
        else:
            changes.append(Change(ChangeKind.DELETED, ChangeScope.TEXT, place, None, block.text))
    if not changes:
        raise CollatioError(Reason.NO_TEXT, _why_wordless(reading))
    return changes


def _members(left: Mapping[str, str], right: Mapping[str, str]) -> Members:
    return Members(
        tuple(sorted(left.keys() - right.keys())),
        tuple(sorted(right.keys() - left.keys())),
        tuple(sorted(path for path in left.keys() & right.keys() if left[path] != right[path])),
    )
