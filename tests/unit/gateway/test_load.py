"""Whether the mesh takes more, and what a job waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from collatio.runtime.errors import Reason
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.load import FRESH_S, Load

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis.asyncio

FETCH, EXTRACT, COMPARE = common.STAGE_FETCH, common.STAGE_EXTRACT, common.STAGE_COMPARE
NO_WORKERS = common.WAITING_REASON_NO_WORKERS


class Stages:
    """Stages whose statuses a test sets; `silent` ones answer when told."""

    def __init__(self, *statuses: common.StageStatus) -> None:
        self.found = list(statuses)
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def statuses(self) -> Sequence[common.StageStatus]:
        """Answer once allowed."""
        self.asked += 1
        await self.answers.wait()
        return list(self.found)


class Seconds:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Read it."""
        return self.now


def load_of(client: redis.asyncio.Redis, stages: Stages, clock: Seconds | None = None) -> Load:
    """Make a load whose stages may hold 100 steps each."""
    return Load(stages, client, 100, clock or Seconds())


def job_of(found: int = 2, extracted: int = 0, *, listed: bool = False, **fields: Any) -> pb.Job:
    """Make a running job, begun at 1000 s."""
    counts = pb.DocumentCounts(found=found, extracted=extracted, listing_done=listed)
    made = pb.Job(state=pb.JOB_STATE_RUNNING, documents=counts, start_time=Timestamp(seconds=1000), **fields)
    made.spec.compare.CopyFrom(compare.CompareSpec(all_pairs=compare.AllPairsPlan()))
    return made


def waits(stage: Any, since_s: int = 0, reason: Any = NO_WORKERS) -> common.StageStatus:
    """Make the status of a stage that waits."""
    since = Timestamp(seconds=since_s)
    return common.StageStatus(stage=stage, waiting_reason=reason, waiting_since=since)


async def test_a_calm_mesh_takes_jobs(client: redis.asyncio.Redis) -> None:
    """At the bound there is still room, and a stage that does not answer refuses nothing."""
    stages = Stages(
        common.StageStatus(stage=FETCH, queue_depth=100),
        common.StageStatus(stage=EXTRACT, unavailable="The stage does not answer."),
    )
    assert await load_of(client, stages).refusal() is None


@pytest.mark.parametrize(
    ("depth", "rate", "wait_s"), [(300, 50.0, 4.0), (101, 50.0, 1.0), (10_000, 1.0, 300.0), (200, 0.0, 60.0)]
)
async def test_a_full_backlog_refuses_for_as_long_as_it_takes(
    client: redis.asyncio.Redis, depth: int, rate: float, wait_s: float
) -> None:
    """The delay is what the measured rate needs for the excess, between a second and five minutes."""
    stages = Stages(common.StageStatus(stage=EXTRACT, queue_depth=depth, rate_per_s=rate))
    refusal = await load_of(client, stages).refusal()
    assert refusal is not None
    assert (refusal.reason, refusal.retry_after_s) == (Reason.BACKLOG_FULL, wait_s)
    assert "extract" in refusal.message


async def test_a_store_nearly_full_refuses(client: redis.asyncio.Redis) -> None:
    """From 85 % of Valkey's memory on, what is left is kept for jobs that run."""
    used = int((await client.info("memory"))["used_memory"])
    try:
        await client.config_set("maxmemory", round(used / 0.7))
        assert await load_of(client, Stages()).refusal() is None
        await client.config_set("maxmemory", round(used / 0.9))
        refusal = await load_of(client, Stages()).refusal()
    finally:
        await client.config_set("maxmemory", "0")
    assert refusal is not None
    assert refusal.reason is Reason.STATE_STORE_FULL
    assert refusal.retry_after_s
    assert await load_of(client, Stages()).refusal() is None


async def test_the_mesh_is_asked_once_a_second(client: redis.asyncio.Redis) -> None:
    """However many callers there are; after a second it is asked anew."""
    stages, clock = Stages(), Seconds()
    load = load_of(client, stages, clock)
    await asyncio.gather(*(load.refusal() for _ in range(50)))
    assert stages.asked == 1
    stages.found.append(common.StageStatus(stage=FETCH, queue_depth=101))
    assert await load.refusal() is None
    clock.now += FRESH_S
    assert await load.refusal() is not None
    assert stages.asked == 2


async def test_a_slow_stage_holds_nobody_back(client: redis.asyncio.Redis) -> None:
    """While a stage is silent, what was last seen counts, and it is not asked again."""
    stages, clock = Stages(common.StageStatus(stage=FETCH, queue_depth=101)), Seconds()
    load = load_of(client, stages, clock)
    assert await load.refusal() is not None
    stages.answers.clear()
    clock.now += FRESH_S
    stages.found.clear()
    assert await load.refusal() is not None
    assert await load.refusal() is not None
    assert stages.asked == 2
    stages.answers.set()
    assert await load.refusal() is None


@pytest.mark.parametrize(
    ("job", "stage"),
    [
        (job_of(found=0), FETCH),
        (job_of(found=2, extracted=2), FETCH),
        (job_of(found=2, extracted=1), EXTRACT),
        (job_of(found=2, extracted=1, listed=True), EXTRACT),
        (job_of(found=2, extracted=2, listed=True), COMPARE),
    ],
)
async def test_a_job_waits_for_the_stage_at_work(
    client: redis.asyncio.Redis, job: pb.Job, stage: Any
) -> None:
    """What another stage waits for is not this job's matter."""
    others = [one for one in (FETCH, EXTRACT, COMPARE) if one != stage]
    told = pb.Job()
    told.CopyFrom(job)
    if not (stage == EXTRACT and not job.documents.listing_done):
        await load_of(client, Stages(*(waits(one) for one in others))).tell_waiting(told)
        assert not told.waiting_reason
    await load_of(client, Stages(waits(stage, 2000))).tell_waiting(told)
    assert told.waiting_reason == NO_WORKERS
    assert told.waiting_since.seconds == 2000


async def test_a_job_waits_no_longer_than_it_runs(client: redis.asyncio.Redis) -> None:
    """A stage that stood still before the job began kept this job waiting only since then."""
    job = job_of()
    await load_of(client, Stages(waits(FETCH, 10))).tell_waiting(job)
    assert job.waiting_since.seconds == 1000


async def test_a_job_that_nobody_begins_waits_for_a_gateway(client: redis.asyncio.Redis) -> None:
    """It says so once it is a second old, and since when it is there."""
    job = pb.Job(state=pb.JOB_STATE_QUEUED, create_time=Timestamp(seconds=1000))
    for now_s, reason in ((1000.5, 0), (1001.5, common.WAITING_REASON_GATEWAYS_BUSY)):
        load = Load(Stages(), client, 100, Seconds(), lambda now_s=now_s: round(now_s * 1e9))
        await load.tell_waiting(job)
        assert job.waiting_reason == reason
    assert job.waiting_since == job.create_time


async def test_a_job_waits_for_a_stage_that_does_not_answer(client: redis.asyncio.Redis) -> None:
    """Since this gateway first saw it silent; when it answers again, that is forgotten."""
    stages, clock = Stages(common.StageStatus(stage=FETCH, unavailable="It does not answer.")), Seconds()
    load = Load(stages, client, 100, clock, lambda: round(clock.now * 1e9) + 2000 * 10**9)
    for _ in range(2):
        job = job_of(found=0)
        stages.found[0] = common.StageStatus(stage=FETCH, unavailable="It does not answer.")
        await load.tell_waiting(job)
        assert job.waiting_reason == common.WAITING_REASON_STAGE_UNREACHABLE
        assert job.waiting_since.seconds == 2100
        clock.now += FRESH_S
    stages.found[0] = common.StageStatus(stage=FETCH)
    job = job_of(found=0)
    await load.tell_waiting(job)
    assert not job.waiting_reason


async def test_only_running_jobs_wait(client: redis.asyncio.Redis) -> None:
    """An ended job is not told to wait, and nobody is asked for it."""
    stages = Stages(waits(FETCH))
    job = job_of()
    job.state = pb.JOB_STATE_SUCCEEDED
    await load_of(client, stages).tell_waiting(job)
    assert not job.waiting_reason
    assert stages.asked == 0
