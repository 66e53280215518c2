"""An output folder read as an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.report.folder import read_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.report.conftest import Making


def test_documents_pairs_and_conclusions_are_read(small: Path) -> None:
    """In the order of the files, named by their index."""
    account = read_folder(small)
    assert [each.words for each in account.documents] == [15, 14, 2, 0]
    assert [(pair.left, pair.right, pair.edits) for pair in account.pairs] == [
        (0, 1, 6),
        (0, 2, 0),
        (1, 2, 0),
    ]
    assert account.conclusion.clusters == ((0, 1),)
    assert account.conclusion.families[0].evidence == ("date",)
    assert account.job.plan == "all_pairs"


def test_texts_and_changes_are_read_from_their_lines(small: Path) -> None:
    """Also those of a later line, and once more after others."""
    shelf = read_folder(small).shelf
    assert shelf.paper(2).text == "Nothing alike."
    assert shelf.paper(0).tables == ((("Item", "Fee"), ("Access", "10")),)
    assert [each.kind for each in shelf.changes(0)][:2] == ["MOVED", "REPLACED"]
    assert shelf.changes(1) == []


def test_documents_that_only_a_pair_or_a_conclusion_names_are_added(making: Making, tmp_path: Path) -> None:
    """No pair is left out because a file was shortened."""
    making.document("file:///a", "x")
    making.pairs.append(
        {"comparisonId": "d0..d9", "left": "file:///a", "right": "file:///z", "status": "FAILED"}
    )
    making.conclusion = {"clusters": [{"documentIds": ["d0", "d7"]}]}
    account = read_folder(making.write(tmp_path))
    assert [each.uri for each in account.documents] == ["file:///a", "file:///z", "d7"]
    assert account.shelf.paper(2).text == ""


def test_a_folder_without_a_job_is_refused(tmp_path: Path) -> None:
    """It is no output folder."""
    with pytest.raises(FileNotFoundError):
        read_folder(tmp_path)


def test_a_folder_of_an_extraction_alone_is_read(tmp_path: Path) -> None:
    """Only `job.json` must be there."""
    (tmp_path / "job.json").write_text('{"name": "jobs/x", "spec": {}}')
    account = read_folder(tmp_path)
    assert (account.job.plan, account.documents, account.pairs) == ("", (), ())


def test_a_damaged_file_is_told_from_a_missing_one(tmp_path: Path) -> None:
    """Half a line is a ValueError."""
    (tmp_path / "job.json").write_text("{}")
    (tmp_path / "extractions.jsonl").write_text('{"uri": "x"}\n{"uri"')
    with pytest.raises(ValueError, match="delimiter"):
        read_folder(tmp_path)
