"""`collatio status`: one job as it is now."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from collatio.cli.options import json_option, named_gateway_option

if TYPE_CHECKING:
    from collatio.client.messages import Job


@click.command()
@click.argument("job")
@named_gateway_option
@json_option
def status(*, job: str, gateway: str, as_json: bool) -> int:
    """Show a job: its state, its counts, why it waits or failed."""
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.job_rows import job_facts, job_name
    from collatio.cli.output.folder import job_text
    from collatio.cli.running import run_async
    from collatio.cli.table import table

    name = job_name(job)
    found = run_async(lambda: _read(gateway, name))
    if as_json:
        click.echo(job_text(found), nl=False)
        return ExitStatus.OK
    lines = table(["", ""], job_facts(found), aligned=sys.stdout.isatty())
    next(lines)
    for line in lines:
        click.echo(line)
    return ExitStatus.OK


async def _read(gateway: str, name: str) -> Job:
    from collatio.cli.session import connect

    async with connect(gateway) as client:
        return await client.job(name)
