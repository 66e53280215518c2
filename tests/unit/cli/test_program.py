"""Errors become one line, a hint and an exit status."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from collatio.cli.exit_status import JobFailed, OutputClosed, StoppedBySignal
from collatio.cli.program import Program
from collatio.runtime.errors import CollatioError, Reason, invalid


def outcome(error: BaseException) -> tuple[int, str]:
    """Run a command that raises, and give its exit status and what it said."""

    class Raising(Program):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            def raising() -> None:
                raise error

            return click.Command("x", callback=raising)

    result = CliRunner().invoke(Raising("collatio"), ["x"])
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (click.UsageError("no"), 2, "no"),
        (JobFailed("NO_DOCUMENTS", "none"), 3, "collatio: NO_DOCUMENTS: none\n"),
        (CollatioError(Reason.BACKLOG_FULL, "full"), 4, "collatio: BACKLOG_FULL: full\n  Try again"),
        (invalid("job.spec", "bad"), 4, "job.spec: bad;"),
        (CollatioError(Reason.INTERNAL, "x", metadata={"trace_id": "0af"}), 4, "Trace 0af."),
        (
            PermissionError(13, "Permission denied", "out/job.json"),
            70,
            "collatio: IO: Permission denied: out",
        ),
        (ZeroDivisionError("secret"), 70, "collatio: INTERNAL: ZeroDivisionError"),
    ],
)
def test_error_is_one_line_and_a_status(error: Exception, status: int, said: str) -> None:
    """The reason, a sentence, what to do; no traceback, and nothing of an unexpected error's own text."""
    code, text = outcome(error)
    assert code == status
    assert said in text
    assert "Traceback" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), 130), (StoppedBySignal(), 130), (click.Abort(), 130)]
)
def test_interruption_is_quiet(error: BaseException, status: int) -> None:
    """Who interrupts knows why."""
    code, text = outcome(error)
    assert (code, "collatio:" in text) == (status, False)


def test_escape_sequences_in_messages_are_shown_not_run() -> None:
    """A message may quote a name from outside."""
    assert "\x1b" not in outcome(CollatioError(Reason.INTERNAL, "a\x1b[2Jb"))[1]


def test_closed_output_is_told_from_other_errors() -> None:
    """It has an exception of its own before click can take it for a failure."""
    program = Program("collatio", invoke_without_command=True, callback=_broken)
    context = click.Context(program)
    with pytest.raises(OutputClosed):
        program.invoke(context)


def _broken() -> None:
    raise BrokenPipeError
