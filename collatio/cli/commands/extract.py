"""`collatio extract`: a line of JSON for each document, saying what it says."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collatio.cli.options import data_option, fail_on_option, gateway_option, orders

if TYPE_CHECKING:
    from collatio.cli.order import Order
    from collatio.cli.output.documents import LocalFailure
    from collatio.cli.output.findings import Findings
    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import Job


@click.command(short_help="Extract documents: a line of JSON each.")
@orders
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the lines here, in place of what stood there; unset or -: standard output.",
)
@data_option
@gateway_option
@fail_on_option
@click.pass_obj
def extract(
    surroundings: Surroundings,
    *,
    order: Order,
    output: Path | None,
    data: Path | None,
    gateway: str | None,
    fail_on: str,
) -> int:
    """Extract text, tables and metadata: one line of JSON for each document.

    A document that failed has a line too, with `error` in place of text; members of archives and mails have
    lines of their own, with `parent`. The lines are in the order of the names given, then of the URIs.
    """
    from collatio.cli.conduct import complain, outcome
    from collatio.cli.running import run_async
    from collatio.cli.summary import Summary

    if data is not None and gateway is not None:
        raise click.UsageError("--data belongs to a mesh started here; a mesh at --gateway keeps its own")
    target = None if output is None or str(output) == "-" else output
    if target is not None and not target.parent.is_dir():
        raise click.UsageError(f"{target.parent} is not a folder")
    job, findings, unread = run_async(lambda: _extract(surroundings, order, target, data, gateway))
    summary = Summary(job, findings, str(Path.cwd()), len(unread), [target] if target else ())
    for line in summary.lines():
        click.echo(line, err=True)
    complain(job)
    return outcome(job, some_failed=findings.some_failed, fail_on=fail_on)


async def _extract(
    surroundings: Surroundings, order: Order, target: Path | None, data: Path | None, gateway: str | None
) -> tuple[Job, Findings, list[LocalFailure]]:
    from collatio.cli.conduct import conduct, prepare
    from collatio.cli.output.files import replacing
    from collatio.cli.output.findings import gather
    from collatio.cli.output.lines import Kind, LinesSink
    from collatio.cli.placing import choose_roots
    from collatio.cli.session import open_session

    talk = surroundings.talk()
    roots = () if gateway else choose_roots(order)
    async with open_session(surroundings, talk, gateway=gateway, data_dir=data, roots=roots) as session:
        prepared = await prepare(order, session, talk)
        job = await conduct(session.client, prepared.spec, talk)
        place = replacing(target) if target else nullcontext(sys.stdout.buffer)
        with place as file:
            findings = await gather(session.results, job, LinesSink(file, Kind.EXTRACTIONS), prepared.unread)
    return job, findings, prepared.unread
