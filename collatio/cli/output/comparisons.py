"""A comparison as a row. Written out by hand: a job may hold a hundred thousand, each with many changes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from collatio.cli.output import SCHEMA_VERSION
from collatio.client.messages import ChangeKind, ChangeScope, ComparisonStatus

if TYPE_CHECKING:
    from collatio.cli.output.names import Names
    from collatio.client.messages import Change, ChangeCounts, Comparison, Place, Similarity

Row = dict[str, Any]

_Measure = Literal["text", "shingles", "structure", "tables", "fields", "overall"]
_MEASURES: tuple[_Measure, ...] = ("text", "shingles", "structure", "tables", "fields", "overall")


def comparison_row(comparison: Comparison, names: Names) -> Row:
    """Make the row of a pair: compared, not comparable, or failed."""
    row: Row = {
        "schemaVersion": SCHEMA_VERSION,
        "comparisonId": comparison.comparison_id,
        "left": names.compared(comparison.left),
        "right": names.compared(comparison.right),
        "leftSha256": comparison.left.sha256,
        "rightSha256": comparison.right.sha256,
        "status": status_of(comparison),
    }
    if comparison.HasField("error"):
        row["reason"] = comparison.error.reason
        row["message"] = comparison.error.message
    if comparison.status == ComparisonStatus.COMPARISON_STATUS_COMPARED:
        row["similarity"] = _similarity(comparison.similarity)
        row["counts"] = _counts(comparison.counts)
        row["changes"] = [_change(each) for each in comparison.changes]
        if comparison.changes_truncated:
            row["changesTruncated"] = True
    return row


def failed_pair_row(comparison: Comparison, names: Names) -> Row:
    """Make the row of a failed pair among the failures."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "comparisonId": comparison.comparison_id,
        "left": names.compared(comparison.left),
        "right": names.compared(comparison.right),
        "reason": comparison.error.reason,
        "message": comparison.error.message,
        "stage": "compare",
        "retryable": comparison.error.retryable,
    }


def status_of(comparison: Comparison) -> str:
    """Name what came of a pair: COMPARED, NOT_COMPARABLE or FAILED."""
    return _short(ComparisonStatus, comparison.status, "COMPARISON_STATUS_")


def _similarity(similarity: Similarity) -> Row:
    return {name: getattr(similarity, name) for name in _MEASURES if similarity.HasField(name)}


def _counts(counts: ChangeCounts) -> Row:
    return {
        "wordsInserted": counts.words_inserted,
        "wordsDeleted": counts.words_deleted,
        "wordsEqual": counts.words_equal,
        "blocksMoved": counts.blocks_moved,
        "cellsChanged": counts.cells_changed,
        "valuesChanged": counts.values_changed,
        "changes": counts.changes,
        "likelyArtifacts": counts.likely_artifacts,
        "renumbered": counts.renumbered,
    }


def _change(change: Change) -> Row:
    row: Row = {
        "kind": _short(ChangeKind, change.kind, "CHANGE_KIND_"),
        "scope": _short(ChangeScope, change.scope, "CHANGE_SCOPE_"),
    }
    if change.HasField("left"):
        row["left"] = _place(change.left)
    if change.HasField("right"):
        row["right"] = _place(change.right)
    row["leftText"] = change.left_text
    row["rightText"] = change.right_text
    if change.left_value:
        row["leftValue"] = change.left_value
    if change.right_value:
        row["rightValue"] = change.right_value
    if change.likely_artifact:
        row["likelyArtifact"] = True
        row["artifactReason"] = change.artifact_reason
    if change.renumbering:
        row["renumbering"] = True
    return row


def _place(place: Place) -> Row:
    row: Row = {"page": place.page, "block": place.block, "offset": place.offset, "length": place.length}
    if place.HasField("x0"):
        row["box"] = [place.x0, place.y0, place.x1, place.y1]
    for name in ("table", "row", "column"):
        if place.HasField(name):
            row[name] = getattr(place, name)
    if place.name:
        row["name"] = place.name
    return row


@cache  # a job has more changes than an enum has values
def _short(enum: Any, value: int, prefix: str) -> str:
    """Name an enum's value as people say it; one that is newer than this client by its number."""
    return enum.Name(value).removeprefix(prefix) if value in enum.values() else str(value)
