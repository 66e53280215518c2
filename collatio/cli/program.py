"""The root of the command line: which commands there are, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import click

from collatio import __version__
from collatio.cli.exit_status import ExitStatus, JobFailed, OutputClosed, StoppedBySignal
from collatio.runtime.errors import CollatioError, Reason

_COMMANDS = {
    "run": "collatio.cli.commands.run:run",
    "extract": "collatio.cli.commands.extract:extract",
    "diff": "collatio.cli.commands.diff:diff",
    "up": "collatio.cli.commands.up:up",
    "submit": "collatio.cli.commands.submit:submit",
    "status": "collatio.cli.commands.status:status",
    "watch": "collatio.cli.commands.watch:watch",
    "results": "collatio.cli.commands.results:results",
    "report": "collatio.cli.commands.report:report",
    "cancel": "collatio.cli.commands.cancel:cancel",
    "retry": "collatio.cli.commands.retry:retry",
    "delete": "collatio.cli.commands.delete:delete",
    "list": "collatio.cli.commands.list:list_jobs",
    "upload": "collatio.cli.commands.upload:upload",
    "quarantine": "collatio.cli.commands.quarantine:quarantine",
    "gc": "collatio.cli.commands.gc:gc",
    "mesh": "collatio.cli.commands.mesh:mesh",
    "version": "collatio.cli.commands.version:version",
}
_EPILOG = """\b
Exit status: 0 done; 1 some documents failed; 2 usage; 3 the job failed;
4 the gateway is unreachable or refused; 130 interrupted.

Results go to standard output, everything else to standard error."""


class Program(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands, the most used first."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, telling a closed output from other troubles before click does."""
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosed from error
        except KeyboardInterrupt as error:
            raise StoppedBySignal from error
        return status

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit with its status."""
        extra["standalone_mode"] = False
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC tells every closed connection otherwise
        extra["prog_name"] = "collatio"
        typed = (args[0] if args else extra.get("args")) or sys.argv[1:]
        debug = "--debug" in typed or os.environ.get("COLLATIO_DEBUG", "0") not in {"", "0"}
        try:
            status = super().main(*args, **extra)
        except Exception as error:  # noqa: BLE001 - the last line of defence: every error ends as one line
            if debug and not isinstance(error, click.ClickException | click.Abort):
                traceback.print_exc()
            status = _tell(error)
            _let_go_of_output()
        sys.exit(int(status or ExitStatus.OK))


def _tell(error: Exception) -> int:
    """Say in one line what went wrong, with what to do about it, and give the exit status."""
    if isinstance(error, click.ClickException):
        error.show()
        return ExitStatus.USAGE
    if isinstance(error, click.Abort | StoppedBySignal | OutputClosed):
        return _leave(error)
    status, reason, message, hint = _account(error)
    _say(reason, message, hint)
    return status


def _leave(error: click.Abort | StoppedBySignal | OutputClosed) -> int:
    """Give the exit status of a command that somebody ended on purpose."""
    if isinstance(error, StoppedBySignal):
        return error.status
    if isinstance(error, OutputClosed):
        return ExitStatus.CLOSED_OUTPUT
    return ExitStatus.INTERRUPTED


def _let_go_of_output() -> None:
    """Flush standard output a last time. Where nobody reads it, the interpreter would end with a status of its own."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _account(error: Exception) -> tuple[ExitStatus, str, str, str]:
    """Give an error's exit status, reason, message and hint."""
    if isinstance(error, JobFailed):
        return ExitStatus.JOB_FAILED, error.reason, error.message, ""
    if isinstance(error, CollatioError):
        return ExitStatus.NO_GATEWAY, str(error.reason), error.message, _hint(error)
    if isinstance(error, OSError):
        what = error.strerror or type(error).__name__
        return ExitStatus.FAULT, "IO", f"{what}: {error.filename or 'a local file'}", ""
    hint = "Run it again with COLLATIO_DEBUG=1 and report what it says."
    return ExitStatus.FAULT, str(Reason.INTERNAL), f"{type(error).__name__} in the command itself.", hint


def _hint(error: CollatioError) -> str:
    if "gateway" in error.metadata:
        return "Start one with `collatio up`, or name it with --gateway or COLLATIO_GATEWAY."
    fields = "".join(f" {each.field}: {each.description};" for each in error.violations)
    trace = f" Trace {error.metadata['trace_id']}." if error.metadata.get("trace_id") else ""
    return f"{fields} {error.entry.remedy}{trace}".strip()


def _say(reason: str, message: str, hint: str = "") -> None:
    from collatio.cli.printable import printable

    click.echo(f"collatio: {reason}: {printable(message)}", err=True)
    if hint:
        click.echo(f"  {printable(hint)}", err=True)


@click.group(cls=Program, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show a traceback with an error (COLLATIO_DEBUG=1 does too).")
@click.version_option(__version__, prog_name="collatio", message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context, *, debug: bool) -> None:  # noqa: ARG001 - read before parsing, see Program.main
    """Fetch documents, extract what they say, and compare them.

    Without a gateway, `run` and `extract` start a mesh of their own on this machine, do the job and stop it.
    """
    from collatio.cli.surroundings import default_surroundings

    ctx.obj = ctx.obj or default_surroundings()
