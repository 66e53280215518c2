"""Marks and colours."""

from __future__ import annotations

import pytest

from collatio.cli.diffing.paint import Paint, safe


def test_marks_stand_without_colour() -> None:
    """Plain output is the marks of word diffs and no escape sequence."""
    paint = Paint(colour=False)
    assert paint.deleted("a") + paint.inserted("b") + paint.moved("c") == "[-a-]{+b+}{>c<}"


def test_each_line_is_coloured_by_itself() -> None:
    """Pagers forget colours at a line's end; the marks stay beside them."""
    assert Paint(colour=True).deleted("a\n\nb") == "\x1b[31m[-a\x1b[m\n\n\x1b[31mb-]\x1b[m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb\x07", "a\\x1b[2Jb\\x07"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\ud800", "\\ud800"),
        ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne"),
        ("tab\tstays", "tab\tstays"),
        ("می\u200cرود \u200fא\u00a0👩\u200d🔬", "می\u200cرود \u200fא\u00a0👩\u200d🔬"),
    ],
)
def test_text_is_harmless_and_scripts_stay_whole(text: str, shown: str) -> None:
    """Controls and direction overrides are shown, not run; joiners, marks and odd spaces are text."""
    assert safe(text) == shown
