"""`collatio list`: the jobs of a mesh."""

from __future__ import annotations

import json
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from collatio.cli.options import json_option, named_gateway_option

if TYPE_CHECKING:
    from collatio.client.messages import Job


@click.command("list")
@click.option(
    "--filter",
    "wanted",
    default="",
    help='Terms joined by AND: state = SUCCEEDED, labels.team = "a", create_time > "2026-05-03T00:00:00Z".',
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=50, show_default=True, help="How many at most; 0: all."
)
@named_gateway_option
@json_option
def list_jobs(*, wanted: str, limit: int, gateway: str, as_json: bool) -> int:
    """List jobs, newest first."""
    from google.protobuf.json_format import MessageToDict

    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.job_rows import JOBS_HEAD, job_row
    from collatio.cli.running import run_async
    from collatio.cli.table import table

    jobs = run_async(lambda: _list(gateway, wanted, limit))
    if as_json:
        rows = [MessageToDict(job, always_print_fields_with_no_presence=True) for job in jobs]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return ExitStatus.OK
    for line in table(JOBS_HEAD, [job_row(job) for job in jobs], aligned=sys.stdout.isatty()):
        click.echo(line)
    return ExitStatus.OK


async def _list(gateway: str, wanted: str, limit: int) -> list[Job]:
    from collatio.cli.session import connect

    found: list[Job] = []
    async with connect(gateway) as client, aclosing(client.jobs(wanted)) as jobs:
        async for job in jobs:
            found.append(job)
            if len(found) == limit:
                break
    return found
