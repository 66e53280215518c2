"""Stated properties, normalised."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from extract_svc.engine.metadata import as_utf8, normalise, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-03", datetime(2024, 5, 3, tzinfo=UTC)),
        ("2024-05-03T10:20:30Z", datetime(2024, 5, 3, 10, 20, 30, tzinfo=UTC)),
        ("2024-05-03T10:20:30.5+02:00", datetime(2024, 5, 3, 8, 20, 30, tzinfo=UTC)),
        ("D:20240503102030+02'00'", datetime(2024, 5, 3, 8, 20, 30, tzinfo=UTC)),
        ("D:2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("D:20241399", None),
        ("yesterday", None),
    ],
)
def test_times_become_utc(text: str, expected: datetime | None) -> None:
    """ISO and PDF dates are read, others are none."""
    assert parse_time(text) == expected


def test_what_formats_call_things_is_one_vocabulary() -> None:
    """Names differ, meanings do not; what was stated stays under raw, sorted."""
    found = normalise({"dc:creator": "A", "Keywords": "x; y,z", "Title": " T  u ", "empty": " "})
    assert (found.author, found.keywords, found.title) == ("A", ("x", "y", "z"), "T u")
    assert [entry.key for entry in found.raw] == ["Keywords", "Title", "dc:creator"]


def test_a_pdf_creator_is_a_program() -> None:
    """In PDF the creator is not the author."""
    assert normalise({"Creator": "Writer"}, creator_is_author=False).author == ""


def test_every_text_can_be_utf8() -> None:
    """Surrogates that belong together join; lone ones are replaced."""
    assert as_utf8("\ud83d\ude00") == "😀"
    as_utf8("a\ud800b").encode()
