"""`collatio cancel`: ask a job to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from collatio.cli.options import json_option, named_gateway_option

if TYPE_CHECKING:
    from collatio.client.messages import Job


@click.command()
@click.argument("job")
@named_gateway_option
@json_option
def cancel(*, job: str, gateway: str, as_json: bool) -> int:
    """Ask a job to stop. Work already done is kept."""
    from collatio.cli.conduct import state_of
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.job_rows import job_name
    from collatio.cli.output.folder import job_text
    from collatio.cli.running import run_async

    name = job_name(job)
    found = run_async(lambda: _cancel(gateway, name))
    click.echo(job_text(found) if as_json else f"{found.name} {state_of(found)}\n", nl=False)
    return ExitStatus.OK


async def _cancel(gateway: str, name: str) -> Job:
    from collatio.cli.session import connect

    async with connect(gateway) as client:
        return await client.cancel(name)
