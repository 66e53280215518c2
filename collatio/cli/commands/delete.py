"""`collatio delete`: forget an ended job."""

from __future__ import annotations

import click

from collatio.cli.options import named_gateway_option


@click.command(short_help="Delete an ended job.")
@click.argument("job")
@click.option("--yes", is_flag=True, help="Do not ask.")
@named_gateway_option
def delete(*, job: str, yes: bool, gateway: str) -> int:
    """Delete an ended job and its results, and print its name.

    What was fetched and extracted stays known to the mesh. Unless --yes is given it shows the job and asks; a
    job that changed in between is not deleted. Exit status 1: you said no.
    """
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.job_rows import job_name
    from collatio.cli.running import run_async

    name = job_name(job)
    etag = ""
    if not yes:
        question, etag = run_async(lambda: _look(gateway, name))
        if not click.confirm(question, err=True):
            return ExitStatus.SOME_FAILED
    run_async(lambda: _delete(gateway, name, etag))
    click.echo(name)
    return ExitStatus.OK


async def _look(gateway: str, name: str) -> tuple[str, str]:
    """Read the job: the question to ask, and the etag of what was asked about."""
    from collatio.cli.conduct import state_of
    from collatio.cli.session import connect

    async with connect(gateway) as client:
        found = await client.job(name)
    counts = f"{found.documents.found} documents, {found.comparisons.planned} comparisons"
    return f"Delete {found.name} ({state_of(found)}, {counts})?", found.etag


async def _delete(gateway: str, name: str, etag: str) -> None:
    from collatio.cli.session import connect

    async with connect(gateway) as client:
        await client.delete(name, etag=etag)
