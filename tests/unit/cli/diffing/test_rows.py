"""Diffs as JSON."""

from __future__ import annotations

from dataclasses import replace

from collatio.cli.diffing.model import Members, PairDiff, Side
from collatio.cli.diffing.pair import diff_pair
from collatio.cli.diffing.rows import pair_row, tree_row
from collatio.cli.diffing.trees import TreeEntry
from collatio.plugins.comparators import Box, Change, ChangeKind, ChangeScope, Options, Place
from tests.unit.cli.diffing.given import FakeEngines


def test_change_has_the_keys_of_a_results_file() -> None:
    """Who reads comparisons.jsonl can read this; what is unset is left out."""
    change = Change(
        ChangeKind.VALUE_CHANGED,
        ChangeScope.TABLE,
        Place(1, 2, box=Box(1, 2, 3, 4), table=0, row=1, column=2),
        Place(1, 2, 3, 4),
        "1,000",
        "1,100",
        "1000",
        "1100",
        likely_artifact=True,
        artifact_reason="ENCODING",
    )
    found = diff_pair(FakeEngines((change,)), Side("a", b"x"), Side("b", b"y"), Options(), artifacts=True)
    assert pair_row(found)["changes"] == [
        {
            "kind": "VALUE_CHANGED",
            "scope": "TABLE",
            "left": {
                "page": 1,
                "block": 2,
                "offset": 0,
                "length": 0,
                "box": [1, 2, 3, 4],
                "table": 0,
                "row": 1,
                "column": 2,
            },
            "right": {"page": 1, "block": 2, "offset": 3, "length": 4},
            "leftText": "1,000",
            "rightText": "1,100",
            "leftValue": "1000",
            "rightValue": "1100",
            "likelyArtifact": True,
            "artifactReason": "ENCODING",
        }
    ]


def test_pair_row_says_what_came_of_it() -> None:
    """Equal bytes have neither similarity nor counts; a compared pair has both."""
    same = pair_row(PairDiff("a", "b"))
    assert same == {"schemaVersion": 1, "left": "a", "right": "b", "different": False, "changes": []}
    found = diff_pair(FakeEngines(), Side("a", b"x"), Side("b", b"y"), Options())
    row = pair_row(replace(found, members=Members(("x",), (), ("y",))))
    assert row["similarity"] == {"text": 0.5, "overall": 0.25}
    assert (row["different"], row["counts"]["changes"]) == (True, 1)
    assert row["members"] == {"leftOnly": ["x"], "rightOnly": [], "differ": ["y"]}


def test_cut_list_says_so() -> None:
    """A reader must not take it for all."""
    found = diff_pair(FakeEngines(), Side("a", b"x"), Side("b", b"y"), Options())
    assert found.comparison is not None
    cut = replace(found, comparison=replace(found.comparison, changes_truncated=True))
    assert pair_row(cut)["changesTruncated"] is True


def test_tree_row_sorts_paths_by_what_came_of_them() -> None:
    """Pairs that differ come without their changes."""
    found = diff_pair(FakeEngines(), Side("a/x", b"x"), Side("b/x", b"y"), Options())
    entries = [
        TreeEntry("l", "left"),
        TreeEntry("r", "right"),
        TreeEntry("s", diff=PairDiff("a/s", "b/s")),
        TreeEntry("x", diff=found),
        TreeEntry("bad", reason="ENCRYPTED", message="a/bad: Locked."),
    ]
    row = tree_row("a", "b", entries)
    assert (row["leftOnly"], row["rightOnly"], row["same"]) == (["l"], ["r"], 1)
    assert [(each["left"], "changes" in each) for each in row["differ"]] == [("a/x", False)]
    assert row["failures"] == [{"path": "bad", "reason": "ENCRYPTED", "message": "a/bad: Locked."}]
