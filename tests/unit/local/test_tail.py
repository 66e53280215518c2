"""The last words of a failed program fit one line."""

from __future__ import annotations

from pathlib import Path

from collatio.local.tail import last_words, size_of


def test_json_lines_give_their_message_and_plain_lines_themselves(tmp_path: Path) -> None:
    """A person reads words, not records."""
    log = tmp_path / "log"
    log.write_text('early\n{"level": "error", "message": "no port"}\n\nValueError: x\n[1]\n')
    assert last_words(log, 0, lines=3) == "no port | ValueError: x | [1]"


def test_an_earlier_runs_words_are_not_quoted(tmp_path: Path) -> None:
    """A failure is explained by itself, not by history."""
    log = tmp_path / "log"
    assert size_of(log) == 0
    log.write_text("old\n")
    before = size_of(log)
    assert last_words(log, before) == ""
    with log.open("a") as file:
        file.write("new\n")
    assert last_words(log, before) == "new"


def test_a_rotated_log_is_read_whole(tmp_path: Path) -> None:
    """A log that is shorter than before began anew."""
    log = tmp_path / "log"
    log.write_text("fresh\n")
    assert last_words(log, 1000) == "fresh"


def test_long_words_are_cut_at_the_front(tmp_path: Path) -> None:
    """The end of a message says most; the line stays short."""
    log = tmp_path / "log"
    log.write_text("a" * 20_000 + "END\n")
    words = last_words(log, 0)
    assert len(words) == 300
    assert words.endswith("END")


def test_no_log_gives_no_words(tmp_path: Path) -> None:
    """A program that never ran said nothing."""
    assert last_words(tmp_path / "none", 0) == ""
