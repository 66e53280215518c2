"""`collatio results`: what came of a job, as lines or as a folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collatio.cli.options import named_gateway_option

if TYPE_CHECKING:
    from collatio.cli.output.findings import Findings
    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import Job


@click.command(short_help="Fetch a job's results.")
@click.argument("job")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the results and the report into this folder: report.html, summary.csv, *.jsonl and more.",
)
@click.option("--force", is_flag=True, help="Replace those files in a folder that is not empty.")
@click.option(
    "--kind",
    type=click.Choice(["extractions", "comparisons", "failures"]),
    help="Without -o: which lines to print. Unset: comparisons, or extractions where nothing was compared.",
)
@named_gateway_option
@click.pass_obj
def results(
    surroundings: Surroundings, *, job: str, output: Path | None, force: bool, kind: str | None, gateway: str
) -> int:
    """Fetch a job's results: lines of JSON on standard output, or a folder with -o.

    A job that still runs gives what it has so far, and says so.
    """
    from collatio.cli.claiming import claim_or_refuse
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.job_rows import job_name
    from collatio.cli.output.folder import paths
    from collatio.cli.running import run_async
    from collatio.cli.summary import Summary

    if output is not None and kind is not None:
        raise click.UsageError("--kind chooses what is printed; -o writes all kinds")
    if output is not None:
        claim_or_refuse(output, force=force)
    name = job_name(job)
    found, findings = run_async(lambda: _results(surroundings, gateway, name, output, kind))
    if output is not None:
        summary = Summary(found, findings, str(Path.cwd()), 0, paths(output))
        for line in summary.lines():
            click.echo(line)
    return ExitStatus.OK


async def _results(
    surroundings: Surroundings, gateway: str, name: str, output: Path | None, kind: str | None
) -> tuple[Job, Findings]:
    from collatio.cli.conduct import state_of
    from collatio.cli.output.findings import gather
    from collatio.cli.output.folder import save
    from collatio.cli.output.lines import Kind, LinesSink
    from collatio.cli.output.reports import publish
    from collatio.cli.session import connect
    from collatio.client import TERMINAL_STATES

    async with connect(gateway) as client:
        job = await client.job(name)
        if job.state not in TERMINAL_STATES:
            surroundings.talk().say(f"{name} is still {state_of(job)}; these are its results so far")
        if output is not None:
            findings = await save(client, job, output)
            await asyncio.to_thread(publish, output)
            return job, findings
        usual = Kind.COMPARISONS if job.spec.HasField("compare") else Kind.EXTRACTIONS
        sink = LinesSink(sys.stdout.buffer, Kind(kind) if kind else usual)
        return job, await gather(client, job, sink)
