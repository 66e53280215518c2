"""`collatio mesh status`: each stage as it is now, once or again and again."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from collatio.cli.options import Duration, json_option, named_gateway_option

if TYPE_CHECKING:
    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import MeshStatus


@click.command("status")
@click.option("--watch", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option(
    "--every", type=Duration(), default="2s", show_default=True, help="How often --watch asks, e.g. 10s, 1m."
)
@named_gateway_option
@json_option
@click.pass_obj
def mesh_status(surroundings: Surroundings, *, watch: bool, every: float, gateway: str, as_json: bool) -> int:
    """Show each stage: what waits and why, what runs, and on how many workers.

    With --watch a terminal shows it in place; elsewhere the table is printed again, and with --json each
    answer is a line.
    """
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.running import run_async

    if watch:
        run_async(lambda: _watch(surroundings, gateway, every, as_json=as_json))
        return ExitStatus.OK
    found = run_async(lambda: _read(gateway))
    if as_json:
        click.echo(_json_text(found, indent=2))
        return ExitStatus.OK
    for line in _table_lines(found):
        click.echo(line)
    for line in _notes(found):
        click.echo(line, err=True)
    return ExitStatus.OK


async def _read(gateway: str) -> MeshStatus:
    from collatio.cli.session import connect

    async with connect(gateway) as client:
        return await client.mesh_status()


async def _watch(surroundings: Surroundings, gateway: str, every_s: float, *, as_json: bool) -> None:
    from collatio.cli.refreshing import Refreshing
    from collatio.cli.session import connect

    in_place = sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
    screen = Refreshing(sys.stdout, in_place=in_place, columns=shutil.get_terminal_size().columns)
    async with connect(gateway) as client:
        while True:
            found = await client.mesh_status()
            if as_json:
                click.echo(_json_text(found))
            else:
                screen.show([*_table_lines(found), *(_notes(found) if in_place else ())])
            await surroundings.sleep(every_s)


def _json_text(found: MeshStatus, indent: int | None = None) -> str:
    from google.protobuf.json_format import MessageToDict

    row = MessageToDict(found, always_print_fields_with_no_presence=True)
    return json.dumps(row, ensure_ascii=False, indent=indent)


def _table_lines(found: MeshStatus) -> list[str]:
    from collatio.cli.stage_rows import STAGES_HEAD, stage_row
    from collatio.cli.table import table

    return list(table(STAGES_HEAD, [stage_row(each) for each in found.stages], aligned=sys.stdout.isatty()))


def _notes(found: MeshStatus) -> list[str]:
    notes = [f"gateway {found.version}, {found.open_jobs} open jobs"]
    return [*notes, f"incomplete: {found.unavailable}"] if found.unavailable else notes
