"""The checker sees what it is there to see: each kind of wrong history, forged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.checker import check_history, differences
from tests.chaos.history import History, read_history

if TYPE_CHECKING:
    from pathlib import Path

STEP = "{collatio:extract}:step:k"
EVENTS = "{collatio:extract}:events"

QUEUED = [["HSET", STEP, "s", "QUEUED", "t", "0", "g", "1", "a", "0"]]
SENT = [["HSET", STEP, "s", "SENT", "x", "m1"]]
RUNNING = [["HSET", STEP, "s", "RUNNING", "t", "5", "a", "1", "x", "m1"]]
AGAIN = [["HSET", STEP, "s", "RUNNING", "t", "9", "a", "2", "x", "m2"]]
TOLD = ["XADD", EVENTS, "*", "k", "k"]
DONE = [["DEL", STEP], ["HSET", STEP, "s", "DONE", "t", "5", "g", "1", "d", "abc"], TOLD]
DONE_AGAIN = [["DEL", STEP], ["HSET", STEP, "s", "DONE", "t", "9", "g", "1", "d", "abc"], TOLD]
GONE = [["DEL", STEP]]

Script = list[list[str]]


def history_of(*scripts: Script) -> History:
    """Make a history of scripts, one transaction each."""
    history = History()
    for script in scripts:
        history.take([[word.encode() for word in command] for command in script])
    return history


def test_a_plain_life_is_in_order() -> None:
    """Queued, sent, run, committed, told."""
    found = check_history(history_of(QUEUED, SENT, RUNNING, DONE))
    assert (found.wrong, found.steps, found.runs, found.sent) == ([], 1, 1, 1)
    assert (found.lost, found.duplicate_commits, found.messages_lost) == (0, 0, 0)


def test_a_step_that_ran_again_counts_its_message() -> None:
    """The worker was lost, the step went back and was committed by the next holder."""
    found = check_history(history_of(QUEUED, SENT, RUNNING, QUEUED, SENT, AGAIN, DONE_AGAIN))
    assert (found.wrong, found.runs_again, found.messages_lost) == ([], 1, 1)


@pytest.mark.parametrize(
    ("scripts", "sentence"),
    [
        ((QUEUED, SENT, RUNNING), "was left RUNNING"),
        ((QUEUED, SENT, RUNNING, DONE[:-1]), "ended 1 times, told 0 times"),
        ((QUEUED, SENT, RUNNING, [*DONE, TOLD]), "ended 1 times, told 2 times"),
        ((QUEUED, SENT, RUNNING, DONE, DONE), "DONE -> DONE"),
        ((QUEUED, SENT, RUNNING, DONE, RUNNING), "DONE -> RUNNING"),
        ((QUEUED, SENT, RUNNING, DONE, QUEUED), "began anew in its first generation"),
        ((QUEUED, SENT, RUNNING, SENT), "RUNNING -> SENT"),
        ((QUEUED, SENT, RUNNING, QUEUED, SENT, AGAIN, DONE), "committed under 5, not 9"),
        ((QUEUED, SENT, AGAIN, QUEUED, SENT, RUNNING, DONE), "token 5 after 9"),
        ((QUEUED, SENT, RUNNING, DONE, GONE), "DONE -> absent"),
    ],
)
def test_a_wrong_life_is_seen(scripts: tuple[Script, ...], sentence: str) -> None:
    """Each by a sentence of its own."""
    assert any(sentence in wrong for wrong in check_history(history_of(*scripts)).wrong)


def test_a_second_commit_is_counted() -> None:
    """Two ends in one generation are one too many."""
    assert check_history(history_of(QUEUED, SENT, RUNNING, DONE, DONE)).duplicate_commits == 1


def test_a_file_is_read_command_by_command(tmp_path: Path) -> None:
    """Scripts of several commands stand between MULTI and EXEC; a last command that is cut short is left out."""
    scripts = [QUEUED, SENT, RUNNING, [["MULTI"], *DONE, ["EXEC"]]]
    data = b"".join(_resp(command) for script in scripts for command in script)
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(data + _resp(GONE[0])[:-3])
    history = read_history(tmp_path)
    assert [move.after for move in history.of("extract")[0].moves] == ["QUEUED", "SENT", "RUNNING", "DONE"]
    assert check_history(history).wrong == []


def _resp(words: list[str]) -> bytes:
    parts = [f"${len(word)}\r\n{word}\r\n".encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(parts)


def test_results_that_differ_are_named() -> None:
    """Missing, new or with other bytes."""
    found = differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "9", "d": "4"})
    assert found == ["b differs", "c differs", "d differs"]
