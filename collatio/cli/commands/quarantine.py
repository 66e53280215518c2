"""`collatio quarantine`: the steps that were given up on, and another try for them."""

from __future__ import annotations

import json
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from collatio.cli.options import json_option, named_gateway_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from collatio.client.messages import QuarantinedStep

_KEYS_MAX = 1000
_REPLAYED = "they are tried again when a job asks for them: `collatio retry JOB`"


def _stage_option(command: Callable[..., int]) -> Callable[..., int]:
    return click.option(
        "--stage", type=click.Choice(["fetch", "extract", "compare"]), help="Only this stage's. Unset: all."
    )(command)


class _ListedByDefault(click.Group):
    """A group that lists when no other command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before options that come without a command."""
        bare = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["list", *args] if bare else args)


@click.group(cls=_ListedByDefault, short_help="List steps given up on, or let them be tried again.")
def quarantine() -> None:
    """List the steps that were given up on, or let them be tried again; on its own, list."""


@quarantine.command("list")
@_stage_option
@named_gateway_option
@json_option
def list_steps(*, stage: str | None, gateway: str, as_json: bool) -> int:
    """List the steps that were given up on, with the reason of the last attempt."""
    from google.protobuf.json_format import MessageToDict

    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.quarantine_rows import STEPS_HEAD, step_row
    from collatio.cli.running import run_async
    from collatio.cli.table import table

    steps = run_async(lambda: _list(gateway, stage))
    if as_json:
        rows = [MessageToDict(step, always_print_fields_with_no_presence=True) for step in steps]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return ExitStatus.OK
    for line in table(STEPS_HEAD, [step_row(step) for step in steps], aligned=sys.stdout.isatty()):
        click.echo(line)
    return ExitStatus.OK


@quarantine.command("replay")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@_stage_option
@named_gateway_option
def replay(*, keys: tuple[str, ...], stage: str | None, gateway: str) -> int:
    """Let steps be tried again, and print the keys of those that will be.

    A key that is not in quarantine is told on standard error, and makes the exit status 1.
    """
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.printable import printable
    from collatio.cli.running import run_async

    replayed = run_async(lambda: _replay(gateway, keys, stage))
    for key in replayed:
        click.echo(key)
    if replayed:
        click.echo(_REPLAYED, err=True)
    missing = [key for key in dict.fromkeys(keys) if key not in set(replayed)]
    for key in missing:
        click.echo(f"collatio: not in quarantine: {printable(key)}", err=True)
    return ExitStatus.SOME_FAILED if missing else ExitStatus.OK


async def _list(gateway: str, stage: str | None) -> list[QuarantinedStep]:
    from collatio.cli.session import connect
    from collatio.cli.stage_rows import stage_of

    async with connect(gateway) as client, aclosing(client.list_quarantine(stage_of(stage))) as steps:
        return [step async for step in steps]


async def _replay(gateway: str, keys: tuple[str, ...], stage: str | None) -> list[str]:
    from collatio.cli.quarantine_rows import by_stage
    from collatio.cli.session import connect
    from collatio.cli.stage_rows import stage_of

    replayed: list[str] = []
    async with connect(gateway) as client:
        async with aclosing(client.list_quarantine(stage_of(stage))) as steps:
            found = await by_stage(steps, keys)
        for where, its in found.items():
            for start in range(0, len(its), _KEYS_MAX):
                replayed += await client.replay_quarantine(where, its[start : start + _KEYS_MAX])
    return replayed
