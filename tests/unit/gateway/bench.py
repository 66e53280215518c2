"""A gateway's parts around one journal and scripted stages, for tests to drive."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from collatio.runtime.telemetry.provider import Telemetry
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Held, Journal
from gateway.journal.record import JobRef
from gateway.keeper import Keeper
from gateway.run.deps import RunDeps
from gateway.run.stages import Stages, Targets
from gateway.watching import Feed, watch_job

if TYPE_CHECKING:
    import redis.asyncio

    from tests.support.scripted_stages import ScriptedStages

START_MS = 1_780_000_000_000
LEASE_MS = 60_000
TENANT = "default"
DATABASE = 7


class Clock:
    """Time in ms since the epoch, moved by the test."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        """Read it."""
        return self.now_ms

    def pass_ms(self, ms: int) -> None:
        """Let time pass."""
        self.now_ms += ms


def spec_of(*uris: str, compared: bool = False, **fields: Any) -> pb.JobSpec:
    """Make a spec whose sources are URIs; `compared`: all pairs."""
    spec = pb.JobSpec(sources=[common.Source(uri=uri) for uri in uris], **fields)
    if compared:
        spec.compare.CopyFrom(compare.CompareSpec(all_pairs=compare.AllPairsPlan()))
    return spec


async def make_job(journal: Journal, job_id: str, spec: pb.JobSpec | None = None, **changes: Any) -> JobRef:
    """Journal a job; `changes` to the arguments of `create`."""
    args: dict[str, Any] = {"request_id": "", "body": "", "trace": "", "retry_of": "", "jobs_max": 1000}
    ref = JobRef(changes.pop("tenant", TENANT), job_id)
    made, _ = await journal.create(ref, spec or spec_of("one:a"), **(args | changes))
    return made


class Bench:
    """Keepers over one journal. What is opened here is closed at the end."""

    def __init__(
        self, client: redis.asyncio.Redis, journal: Journal, clock: Clock, stages: ScriptedStages
    ) -> None:
        self.client, self.journal, self.clock, self.scripted = client, journal, clock, stages
        self._telemetry = Telemetry.noop()
        target = stages.target
        self.stages = Stages(Targets(target, target, target), self._telemetry)
        self.deps = RunDeps(
            journal=journal,
            stages=self.stages,
            blobs=stages.blobs,
            tracing=self._telemetry.tracing,
            wall_ms=clock,
            documents_max=100_000,
        )
        self._opened: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.scripted.released.set()
        for one in reversed(self._opened):
            await one.close()
        await self.stages.close()

    def feed(self, client: redis.asyncio.Redis | None = None) -> Feed:
        """Start a feed, over the bench's client or another."""
        made = Feed(client or self.client, self.journal.feed)
        made.start()
        self._opened.append(made)
        return made

    def keeper(self, **changes: Any) -> Keeper:
        """Start a gateway's keeper; `changes` to what its runs work with."""
        made = Keeper(replace(self.deps, **changes), self.feed(), LEASE_MS, 8)
        made.start()
        self._opened.append(made)
        return made

    async def held(self, owner: str = "a") -> Held:
        """Take the one job that nobody holds."""
        (one,) = await self.journal.lease(owner, LEASE_MS, 10)
        return one

    async def watch(self, ref: JobRef, after: int = 0) -> list[pb.JobEvent]:
        """Watch a job to its end."""
        return [event async for event in watch_job(self.journal, self.feed(), ref, after)]

    async def until(self, ref: JobRef, holds: Any) -> pb.JobEvent:
        """Watch a job until an event is as wanted."""
        async with aclosing(watch_job(self.journal, self.feed(), ref, 0)) as events:
            async for event in events:
                if holds(event):
                    return event
        raise AssertionError("the job ended before")

    async def run(self, spec: pb.JobSpec, job_id: str = "job-1", **changes: Any) -> pb.Job:
        """Run a job to its end under a keeper; returns it."""
        ref = await make_job(self.journal, job_id, spec)
        self.keeper(**changes)
        return (await self.watch(ref))[-1].snapshot

    async def documents(self, ref: JobRef) -> list[pb.JobDocument]:
        """Read all documents."""
        return await self.journal.documents(ref, 0, 1_000_000)
