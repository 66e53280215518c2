"""`collatio run`: fetch, extract and compare documents, and say what came of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collatio.cli.options import (
    data_option,
    fail_on_different_option,
    gateway_option,
    json_option,
    orders_comparing,
)

if TYPE_CHECKING:
    from collatio.cli.order import Order
    from collatio.cli.output.documents import LocalFailure
    from collatio.cli.output.findings import Findings
    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import Job


_EXAMPLES = """\b
Examples:
  collatio run contracts/                              every document with every other
  collatio run contracts/ --baseline template.docx     each with the template
  collatio run old/ new/ --mode matched -o out         two trees, by relative path"""


@click.command(short_help="Fetch, extract and compare documents.", epilog=_EXAMPLES)
@orders_comparing
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the results and the report into this folder: report.html, summary.csv, *.jsonl and more.",
)
@click.option("--force", is_flag=True, help="Replace those files in a folder that is not empty.")
@data_option
@gateway_option
@fail_on_different_option
@json_option
@click.pass_obj
def run(
    surroundings: Surroundings,
    *,
    order: Order,
    output: Path | None,
    force: bool,
    data: Path | None,
    gateway: str | None,
    fail_on: str,
    as_json: bool,
) -> int:
    """Compare documents: files, folders, or URIs that the mesh can reach.

    A summary is printed at the end; with --json the job is, and the summary goes to standard error.
    """
    from collatio.cli.claiming import claim_or_refuse
    from collatio.cli.conduct import complain, outcome
    from collatio.cli.output.folder import job_text, paths
    from collatio.cli.running import run_async
    from collatio.cli.summary import Summary

    if data is not None and gateway is not None:
        raise click.UsageError("--data belongs to a mesh started here; a mesh at --gateway keeps its own")
    if output is not None:
        claim_or_refuse(output, force=force)
    job, findings, unread = run_async(lambda: _run(surroundings, order, output, data, gateway))
    summary = Summary(job, findings, str(Path.cwd()), len(unread), paths(output) if output else ())
    for line in summary.lines():
        click.echo(line, err=as_json)
    if as_json:
        click.echo(job_text(job), nl=False)
    complain(job)
    return outcome(job, some_failed=findings.some_failed, fail_on=fail_on, some_differ=findings.some_differ)


async def _run(
    surroundings: Surroundings, order: Order, output: Path | None, data: Path | None, gateway: str | None
) -> tuple[Job, Findings, list[LocalFailure]]:
    from collatio.cli.conduct import conduct, prepare
    from collatio.cli.output.folder import save
    from collatio.cli.output.reports import publish
    from collatio.cli.output.trace import trace_reader
    from collatio.cli.placing import choose_roots
    from collatio.cli.session import open_session

    talk = surroundings.talk()
    roots = () if gateway else choose_roots(order)
    publishing: asyncio.Future[None] | None = None
    try:
        async with open_session(surroundings, talk, gateway=gateway, data_dir=data, roots=roots) as session:
            prepared = await prepare(order, session, talk)
            job = await conduct(session.client, prepared.spec, talk)
            trace = trace_reader(session.traces, job, surroundings) if session.traces and output else None
            findings = await save(session.results, job, output, prepared.unread, trace)
            findings.one_sided.extend(prepared.one_sided)
            if output is not None:  # while the mesh stops
                publishing = asyncio.ensure_future(asyncio.to_thread(publish, output))
    finally:
        if publishing is not None:
            await publishing
    return job, findings, prepared.unread
