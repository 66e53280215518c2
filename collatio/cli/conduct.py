"""Take a job from its submission to its end, showing how far it is; interrupted, cancel it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from collatio.cli.exit_status import ExitStatus
from collatio.cli.printable import printable
from collatio.cli.tally import Tally
from collatio.client.messages import JobState
from collatio.runtime.errors import CATALOGUE, CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from collatio.cli.order import Order
    from collatio.cli.output.documents import LocalFailure
    from collatio.cli.session import Session
    from collatio.cli.talk import Talk
    from collatio.client import Client
    from collatio.client.messages import Job, JobEvent, JobSpec

CANCEL_TIMEOUT_S = 1.0
UPLOAD_LINE_EVERY_S = 3.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job to submit, and what only this side knows.

    `unread` are paths that could not be read; `one_sided`, as (tree, path), what one of two uploaded trees has and the
    other lacks.
    """

    spec: JobSpec
    unread: list[LocalFailure]
    one_sided: list[tuple[str, str]]


async def prepare(order: Order, session: Session, talk: Talk) -> Prepared:
    """Make the job's spec, uploading what the mesh cannot read in place.

    Errors: `JobFailed` where nothing is left to send; a usage
    error for wishes that contradict what was found.
    """
    from collatio.cli.placing import place
    from collatio.cli.spec import job_spec, one_sided

    uploading = _Uploading(talk)
    try:
        placed = await place(order, session.client, roots=session.roots, told=uploading)
        spec = job_spec(order, placed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for each in placed.unread:
        talk.say(f"not read: {each.uri}: {each.failure.reason}: {each.failure.message}")
    return Prepared(spec, placed.unread, one_sided(order, placed))


async def conduct(client: Client, spec: JobSpec, talk: Talk) -> Job:
    """Submit a job and follow it to its end. Interrupted, ask it to stop before giving way."""
    submission = asyncio.create_task(client.submit(spec))
    try:
        job = await asyncio.shield(submission)
        return await follow(client, job.name, talk)
    except asyncio.CancelledError:
        await _call_off(client, submission, talk)
        raise


async def follow(
    client: Client, name: str, talk: Talk, heard: Callable[[JobEvent], None] | None = None
) -> Job:
    """Watch a job to its end. `heard` gets each event."""
    tally = Tally()
    async with aclosing(client.watch(name, heartbeats=True)) as events:
        with talk.progress() as progress:
            async for event in events:
                if event.WhichOneof("event") == "heartbeat":
                    tally.see(await client.job(name))  # it alone says what a silent job waits for
                else:
                    tally.apply(event)
                    if heard is not None:
                        heard(event)
                progress.show(tally)
    return tally.job if tally.job is not None else await client.job(name)


def outcome(job: Job, *, some_failed: bool, fail_on: str, some_differ: bool = False) -> ExitStatus:
    """Give the exit status that tells what became of a job; `fail_on` is "none", "any" or "different"."""
    if job.state != JobState.JOB_STATE_SUCCEEDED:
        return ExitStatus.JOB_FAILED
    if some_failed and fail_on != "none":
        return ExitStatus.SOME_FAILED
    return ExitStatus.SOME_DIFFER if some_differ and fail_on == "different" else ExitStatus.OK


def complain(job: Job) -> None:
    """Say on standard error, in one line and a hint, why a job did not succeed."""
    if job.state == JobState.JOB_STATE_SUCCEEDED:
        return
    reason = job.error.reason or state_of(job)
    entry = CATALOGUE.get(Reason(reason)) if reason in Reason.__members__ else None
    message = job.error.message or (entry.meaning if entry else f"{job.name} ended {state_of(job)}.")
    click.echo(f"collatio: {reason}: {printable(message)}", err=True)
    if entry is not None:
        click.echo(f"  {entry.remedy}", err=True)


def state_of(job: Job) -> str:
    """Name a job's state as people say it."""
    return JobState.Name(job.state).removeprefix("JOB_STATE_")


async def _call_off(client: Client, submission: asyncio.Task[Job], talk: Talk) -> None:
    """Cancel the job, which may not even have answered yet."""
    try:
        async with asyncio.timeout(CANCEL_TIMEOUT_S):
            job = await submission
            await client.cancel(job.name, timeout_s=CANCEL_TIMEOUT_S)
    except (CollatioError, TimeoutError) as error:
        submission.cancel()
        talk.say(f"interrupted; the job could not be cancelled: {error}")
    else:
        talk.say(f"interrupted; {job.name} is being cancelled")


class _Uploading:
    """Say now and then how far the uploads are."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._next = talk.monotonic() + UPLOAD_LINE_EVERY_S

    def __call__(self, done: int, of: int) -> None:
        if self._talk.monotonic() >= self._next or (done == of and of > 1):
            self._next = self._talk.monotonic() + UPLOAD_LINE_EVERY_S
            self._talk.say(f"uploaded {done}/{of}")
