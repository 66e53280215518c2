"""Lines shown again and again."""

from __future__ import annotations

from io import StringIO

from collatio.cli.refreshing import Refreshing


def test_in_place_goes_up_over_what_it_showed() -> None:
    """The second block stands where the first stood, however many lines each has."""
    stream = StringIO()
    screen = Refreshing(stream, in_place=True, columns=80)
    screen.show(["a", "b"])
    screen.show(["c"])
    screen.show(["d"])
    assert stream.getvalue() == "a\nb\n\x1b[2A\x1b[Jc\n\x1b[1A\x1b[Jd\n"


def test_in_place_cuts_lines_that_would_wrap() -> None:
    """A wrapped line would spoil the count of lines."""
    stream = StringIO()
    Refreshing(stream, in_place=True, columns=3).show(["abcdef"])
    assert stream.getvalue() == "abc\n"


def test_elsewhere_blocks_stand_under_one_another() -> None:
    """A file or a pipe gets whole lines, a blank line between blocks, and no escape sequence."""
    stream = StringIO()
    screen = Refreshing(stream, in_place=False, columns=3)
    screen.show(["abcdef"])
    screen.show(["g"])
    assert stream.getvalue() == "abcdef\n\ng\n"
