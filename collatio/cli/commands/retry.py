"""`collatio retry`: a new job of an ended one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from collatio.cli.options import json_option, named_gateway_option

if TYPE_CHECKING:
    from collatio.client.messages import Job


@click.command(short_help="Retry an ended job.")
@click.argument("job")
@click.option(
    "--from",
    "stage",
    type=click.Choice(["fetch", "extract", "compare"]),
    help="Redo this stage and those after it. Unset: the failed documents only, all else kept.",
)
@named_gateway_option
@json_option
def retry(*, job: str, stage: str | None, gateway: str, as_json: bool) -> int:
    """Make a new job of an ended one and print its name; the old one stays as it is.

    `watch` follows it, as any other.
    """
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.job_rows import job_name
    from collatio.cli.output.folder import job_text
    from collatio.cli.running import run_async

    made = run_async(lambda: _retry(gateway, job_name(job), stage))
    click.echo(job_text(made) if as_json else f"{made.name}\n", nl=False)
    return ExitStatus.OK


async def _retry(gateway: str, name: str, stage: str | None) -> Job:
    from collatio.cli.session import connect
    from collatio.cli.stage_rows import stage_of

    async with connect(gateway) as client:
        return await client.retry(name, from_stage=stage_of(stage))
