"""`collatio mesh status`: each stage as it is now."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from collatio.cli.options import json_option, named_gateway_option

if TYPE_CHECKING:
    from collatio.client.messages import MeshStatus


@click.command("status")
@named_gateway_option
@json_option
def mesh_status(*, gateway: str, as_json: bool) -> int:
    """Show each stage: what waits and why, what runs, and on how many workers."""
    from google.protobuf.json_format import MessageToDict

    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.running import run_async
    from collatio.cli.stage_rows import STAGES_HEAD, stage_row
    from collatio.cli.table import table

    found = run_async(lambda: _read(gateway))
    if as_json:
        row = MessageToDict(found, always_print_fields_with_no_presence=True)
        click.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return ExitStatus.OK
    for line in table(STAGES_HEAD, [stage_row(each) for each in found.stages], aligned=sys.stdout.isatty()):
        click.echo(line)
    click.echo(f"gateway {found.version}, {found.open_jobs} open jobs", err=True)
    if found.unavailable:
        click.echo(f"incomplete: {found.unavailable}", err=True)
    return ExitStatus.OK


async def _read(gateway: str) -> MeshStatus:
    from collatio.cli.session import connect

    async with connect(gateway) as client:
        return await client.mesh_status()
