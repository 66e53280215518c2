"""CSV that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from collatio.report.changes_csv import CHANGES_HEAD, changes_csv
from collatio.report.csv_files import ROLLUP_HEAD, SUMMARY_HEAD, cell, rollup_csv, summary_csv
from collatio.report.folder import read_folder
from tests.unit.report.conftest import change, spot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.report.conftest import Making


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_text_that_begins_like_a_formula_is_quoted(text: str) -> None:
    """With an apostrophe, which spreadsheets take for "this is text"."""
    assert cell(text) == f"'{text}"


def test_numbers_are_plain() -> None:
    """Without needless digits; nothing for nothing."""
    assert [cell(None), cell(0), cell(12), cell(0.5), cell(1.0), cell("a=b")] == [
        "",
        "0",
        "12",
        "0.5",
        "1",
        "a=b",
    ]


def test_each_document_has_a_row(small: Path) -> None:
    """Its closest other with the figures of that pair; a failed one why it failed."""
    rows = list(csv.DictReader(io.StringIO(summary_csv(read_folder(small)))))
    assert [row["uri"].rpartition("/")[2] for row in rows] == [
        "terms-1.txt",
        "terms-2.txt",
        "other.txt",
        "broken.pdf",
    ]
    assert rows[0]["closest"].endswith("terms-2.txt")
    assert (rows[0]["similarity"], rows[0]["changes"], rows[0]["words"]) == ("0.8", "6", "15")
    assert (rows[3]["reason"], rows[3]["closest"], rows[3]["words"]) == ("DOCUMENT_CORRUPT", "", "")
    assert tuple(rows[0]) == SUMMARY_HEAD


def test_each_changed_block_of_the_baseline_has_a_row(making: Making, tmp_path: Path) -> None:
    """By how many it was changed, and by whom, a line each."""
    making.document("file:///a", "x")
    making.document("file:///b", "y")
    making.conclusion = {"rollup": [{"block": 4, "text": "=cmd", "documentIds": ["d0", "d1"]}]}
    rows = list(csv.reader(io.StringIO(rollup_csv(read_folder(making.write(tmp_path))))))
    assert rows == [list(ROLLUP_HEAD), ["5", "2", "'=cmd", "file:///a\nfile:///b"]]


def test_each_change_has_a_row(making: Making, tmp_path: Path) -> None:
    """What was, what is, where, and whether it counts; strangers are left out."""
    making.document("file:///a", "Pay in 30 days.", "1. x")
    making.document("file:///b", "Pay in 21 days.", "2. x")
    making.document("file:///c", "z")
    making.pair(0, 2, 0.1, [change("INSERTED", right=spot(0, 0, 1), rightText="z")])
    making.pair(
        *(0, 1, 0.9),
        [
            change("REPLACED", spot(0, 7, 2, page=3), spot(0, 7, 2, page=3), leftText="30", rightText="=21"),
            change("REPLACED", spot(1, 0, 1), spot(1, 0, 1), leftText="1", rightText="2", renumbering=True),
        ],
    )
    rows = list(csv.DictReader(io.StringIO("".join(changes_csv(read_folder(making.write(tmp_path)))))))
    assert tuple(rows[0]) == CHANGES_HEAD
    assert [(row["was"], row["is"], row["where"], row["counts"], row["why"]) for row in rows] == [
        ("30", "'=21", "block 1", "yes", ""),
        ("1", "2", "block 2", "", "only renumbered"),
    ]
    assert (rows[0]["left"], rows[0]["rightPage"], rows[1]["rightPage"]) == ("file:///a", "3", "")
