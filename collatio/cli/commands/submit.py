"""`collatio submit`: hand a job to a mesh and go, or wait for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from collatio.cli.options import fail_on_option, json_option, named_gateway_option, orders_comparing

if TYPE_CHECKING:
    from collatio.cli.order import Order
    from collatio.cli.output.documents import LocalFailure
    from collatio.cli.surroundings import Surroundings
    from collatio.client.messages import Job


@click.command()
@orders_comparing
@click.option("--wait", is_flag=True, help="Wait for the job's end; interrupted, leave it running.")
@named_gateway_option
@fail_on_option
@json_option
@click.pass_obj
def submit(
    surroundings: Surroundings, *, order: Order, wait: bool, gateway: str, fail_on: str, as_json: bool
) -> int:
    """Submit a job to a mesh and print its name.

    Paths are uploaded; URIs are the mesh's own. `status`, `watch`, `results` and `cancel` take the name.
    --mode none extracts without comparing.
    """
    from collatio.cli.conduct import complain, outcome
    from collatio.cli.exit_status import ExitStatus
    from collatio.cli.output.folder import job_text
    from collatio.cli.running import run_async

    job, unread = run_async(lambda: _submit(surroundings, order, gateway, wait=wait, as_json=as_json))
    if as_json:
        click.echo(job_text(job), nl=False)
    some_failed = bool(unread or job.documents.failed or job.comparisons.failed)
    if wait:
        complain(job)
        return outcome(job, some_failed=some_failed, fail_on=fail_on)
    return ExitStatus.SOME_FAILED if unread and fail_on == "any" else ExitStatus.OK


async def _submit(
    surroundings: Surroundings, order: Order, gateway: str, *, wait: bool, as_json: bool
) -> tuple[Job, list[LocalFailure]]:
    from collatio.cli.conduct import follow, prepare, state_of
    from collatio.cli.session import open_session

    talk = surroundings.talk()
    async with open_session(surroundings, talk, gateway=gateway) as session:
        prepared = await prepare(order, session, talk)
        job = await session.client.submit(prepared.spec)
        if not as_json:
            click.echo(job.name)
        if wait:
            job = await follow(session.client, job.name, talk)
            talk.say(f"{job.name} {state_of(job)}")
        return job, prepared.unread
