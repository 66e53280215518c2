"""The plan and its reports survive the pipe."""

from __future__ import annotations

from collatio.local.plan import Change, Plan, ProgramPlan


def test_a_plan_is_read_as_it_was_written() -> None:
    """Quotes, newlines and other alphabets in an environment arrive intact, on one line."""
    program = ProgramPlan("a", ("x", "y z"), {"K": 'q"\n\\ß'}, 3, "/l", 1.5, 5, 3.5)
    plan = Plan((program,), "/f", "/f/log", 7, None)
    line = plan.to_line()
    assert line.count(b"\n") == 1
    assert Plan.from_line(line) == plan


def test_a_change_is_read_as_it_was_written() -> None:
    """What the supervising process saw is what the command sees."""
    change = Change("gateway", "running", 17)
    assert Change.from_line(change.to_line()) == change
