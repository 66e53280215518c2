"""`collatio watch`: follow a job to its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from collatio.cli.options import fail_on_option, json_option, named_gateway_option

if TYPE_CHECKING:
    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import Job, JobEvent


@click.command(short_help="Watch a job until it ends.")
@click.argument("job")
@named_gateway_option
@fail_on_option
@json_option
@click.pass_obj
def watch(surroundings: Surroundings, *, job: str, gateway: str, fail_on: str, as_json: bool) -> int:
    """Watch a job until it ends; interrupted, leave it running.

    With --json each event is a line of JSON on standard output. The exit status tells the job's outcome.
    """
    from collatio.cli.conduct import complain, outcome, state_of
    from collatio.cli.job_rows import job_name
    from collatio.cli.running import run_async

    name = job_name(job)
    found = run_async(lambda: _watch(surroundings, gateway, name, as_json=as_json))
    if not as_json:
        click.echo(f"{found.name} {state_of(found)}")
    some_failed = bool(found.documents.failed or found.comparisons.failed)
    complain(found)
    return outcome(found, some_failed=some_failed, fail_on=fail_on)


async def _watch(surroundings: Surroundings, gateway: str, name: str, *, as_json: bool) -> Job:
    from collatio.cli.conduct import follow
    from collatio.cli.session import connect

    async with connect(gateway) as client:
        await client.job(name)  # a wrong name or a missing gateway is told at once
        return await follow(client, name, surroundings.talk(), _print_event if as_json else None)


def _print_event(event: JobEvent) -> None:
    from google.protobuf.json_format import MessageToDict

    click.echo(json.dumps(MessageToDict(event), ensure_ascii=False, separators=(",", ":")))
