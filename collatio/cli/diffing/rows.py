"""A diff as JSON. A change's keys are those of `comparisons.jsonl`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collatio.cli.output import SCHEMA_VERSION

if TYPE_CHECKING:
    from collatio.cli.diffing.model import Members, PairDiff
    from collatio.cli.diffing.trees import TreeEntry
    from collatio.plugins.comparators import Change, ChangeCounts, Place, Similarity

Row = dict[str, Any]

_MEASURES = ("text", "shingles", "structure", "tables", "fields", "overall")


def pair_row(diff: PairDiff) -> Row:
    """Make the row of two documents. Likely artefacts are counted, and listed if they were asked for."""
    row: Row = {
        "schemaVersion": SCHEMA_VERSION,
        "left": diff.left,
        "right": diff.right,
        "different": diff.different,
    }
    compared = diff.comparison
    if compared is not None and compared.similarity is not None and compared.counts is not None:
        row["similarity"] = _similarity(compared.similarity)
        row["counts"] = _counts(compared.counts)
    row["changes"] = [_change(each) for each in diff.changes]
    if compared is not None and compared.changes_truncated:
        row["changesTruncated"] = True
    if diff.members:
        row["members"] = _members(diff.members)
    return row


def tree_row(left: str, right: str, entries: list[TreeEntry]) -> Row:
    """Make the row of two folders; pairs that differ come without their changes."""
    differ = [
        {key: value for key, value in pair_row(each.diff).items() if key not in {"schemaVersion", "changes"}}
        for each in entries
        if each.diff is not None and each.diff.different
    ]
    return {
        "schemaVersion": SCHEMA_VERSION,
        "left": left,
        "right": right,
        "leftOnly": [each.path for each in entries if each.side == "left"],
        "rightOnly": [each.path for each in entries if each.side == "right"],
        "same": sum(each.diff is not None and not each.diff.different for each in entries),
        "differ": differ,
        "failures": [
            {"path": each.path, "reason": each.reason, "message": each.message}
            for each in entries
            if each.reason
        ],
    }


def _similarity(found: Similarity) -> Row:
    measures = {name: getattr(found, name) for name in _MEASURES}
    return {name: value for name, value in measures.items() if value is not None}


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
    row: Row = {"kind": change.kind.name, "scope": change.scope.name}
    if change.left is not None:
        row["left"] = _place(change.left)
    if change.right is not None:
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
    if place.box is not None:
        row["box"] = [place.box.x0, place.box.y0, place.box.x1, place.box.y1]
    inside = {"table": place.table, "row": place.row, "column": place.column, "name": place.name or None}
    return row | {name: value for name, value in inside.items() if value is not None}


def _members(members: Members) -> Row:
    return {
        "leftOnly": list(members.left_only),
        "rightOnly": list(members.right_only),
        "differ": list(members.differ),
    }
