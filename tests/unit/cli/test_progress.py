"""Progress in plain lines: at changes of phase, and seldom otherwise."""

from __future__ import annotations

from collatio.cli.progress import LINE_EVERY_S, Lines
from collatio.cli.tally import Tally
from collatio.client.messages import JobState


def test_lines_come_at_changes_of_phase_and_seldom_otherwise() -> None:
    """A log is not flooded, and no phase goes by unsaid."""
    said: list[str] = []
    now = 0.0
    lines = Lines(said.append, lambda: now)
    tally = Tally(state=JobState.JOB_STATE_RUNNING)
    with lines:
        for found in range(10):
            tally.found = found
            lines.show(tally)
        assert len(said) == 1
        now = LINE_EVERY_S
        lines.show(tally)
        assert said[-1] == "listing, fetched 0/9+, extracted 0/9+"
        tally.listing_done = True
        lines.show(tally)
        assert said[-1].startswith("fetching")
    assert len(said) == 3


def test_nothing_new_is_not_said_again() -> None:
    """A job that stands still is silent."""
    said: list[str] = []
    times = iter([0.0, 10.0, 20.0])
    lines = Lines(said.append, lambda: next(times))
    for _ in range(3):
        lines.show(Tally())
    assert said == ["queued, fetched 0/0+, extracted 0/0+"]
