"""Rows are aligned for people and tab-separated for programs, and nothing in them can break out."""

from __future__ import annotations

from collatio.cli.printable import printable, shown
from collatio.cli.table import table

ROWS = [("a\tb", "1"), ("漢字", ""), ("e\u0301", "22\x1b[2J")]


def test_programs_get_tabs() -> None:
    """One line a row, one tab between cells, none inside."""
    assert list(table(("NAME", "N"), ROWS, aligned=False)) == [
        "NAME\tN",
        "a\\tb\t1",
        "漢字\t-",
        "e\u0301\t22\\x1b[2J",
    ]


def test_people_get_columns() -> None:
    """Wide characters take two places, combining ones none."""
    assert list(table(("NAME", "N"), ROWS, aligned=True)) == [
        "NAME  N",
        "a\\tb  1",
        "漢字  -",
        "e\u0301     22\\x1b[2J",
    ]


def test_controls_and_overrides_are_escaped() -> None:
    """A file name cannot drive the terminal or turn the line around."""
    assert printable("a\x1b]0;x\x07\u202eb\udcff\n") == "a\\x1b]0;x\\x07\\u202eb\\udcff\\n"
    assert printable("plain ä 漢") == "plain ä 漢"


def test_file_uri_is_shown_as_a_path() -> None:
    """Below the working directory relatively, elsewhere absolutely, other URIs as they are."""
    assert shown("file:///here/d/%C3%A4%20b", "/here") == "d/ä b"
    assert shown("file:///heres/d", "/here") == "/heres/d"
    assert shown("file:///x%0Ay", "/") == "x\\ny"
    assert shown("s3://b/%20k", "/here") == "s3://b/%20k"
