"""Watching: a snapshot, every event once and in order, a heartbeat, the end; whoever reads how slowly."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import common_pb2 as common
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Finish
from gateway.watching import watch_job
from tests.unit.gateway.bench import DATABASE, make_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.journal.journal import Held
    from gateway.journal.record import JobRef
    from tests.unit.gateway.bench import Bench

END = Finish("SUCCEEDED", 1000, pb.JobEvent())


class Job:
    """A job that is held, and to whom things happen."""

    def __init__(self, bench: Bench, ref: JobRef, held: Held) -> None:
        self.bench, self.ref, self.held = bench, ref, held
        self.count = 0

    async def happen(self, times: int = 1) -> None:
        """Journal events."""
        names = [str(self.count + n) for n in range(times)]
        self.count += times
        events = [pb.JobEvent(document=pb.JobDocument(document_id=name)) for name in names]
        await self.bench.journal.write(self.held, Entries(events=events))

    async def end(self) -> None:
        """End it, with an event."""
        state = pb.JobEvent(state_change=pb.Job(state=pb.JOB_STATE_SUCCEEDED))
        await self.bench.journal.write(self.held, Entries(events=[state]), END)

    def watch(self, after: int = 0, heartbeat_s: float = 60.0) -> AsyncIterator[pb.JobEvent]:
        """Watch it over a feed of its own."""
        return watch_job(self.bench.journal, self.bench.feed(), self.ref, after, heartbeat_s)


@pytest.fixture
async def job(bench: Bench) -> Job:
    """A job that is held."""
    ref = await make_job(bench.journal, "job-1")
    return Job(bench, ref, await bench.held())


async def test_a_watch_is_snapshot_events_snapshot(job: Job) -> None:
    """An ended job is told whole: its events from 1 without a gap, between two snapshots."""
    await job.happen(5)
    await job.end()
    events = [event async for event in job.watch()]
    assert events[0].HasField("snapshot")
    assert [event.sequence for event in events[1:-1]] == [1, 2, 3, 4, 5, 6]
    assert (events[-1].sequence, events[-1].snapshot.state) == (6, pb.JOB_STATE_SUCCEEDED)


async def test_events_are_told_as_they_happen(job: Job) -> None:
    """Whatever is journaled while somebody watches reaches them, without a gap or a repeat."""
    reading = asyncio.create_task(_sequences(job))
    for size in (1, 7, 600, 1, 1):
        await job.happen(size)
    await job.end()
    async with asyncio.timeout(10):
        assert await reading == list(range(1, 612))


@pytest.mark.parametrize("after", [0, 1, 4, 6])
async def test_a_watch_resumes_where_it_broke(job: Job, after: int) -> None:
    """With the last sequence seen, only what follows is told."""
    await job.happen(5)
    await job.end()
    events = [event async for event in job.watch(after)]
    assert [event.sequence for event in events[1:-1]] == list(range(after + 1, 7))


async def test_a_sequence_yet_to_come_waits_for_it(job: Job) -> None:
    """Nothing before it is told, and the watch still ends."""
    await job.happen(2)
    await job.end()
    events = [event async for event in job.watch(50)]
    assert [event.HasField("snapshot") for event in events] == [True, True]


async def test_a_waiting_job_says_why_in_its_snapshot_and_its_heartbeats(job: Job) -> None:
    """Whoever watches a job that stands still learns what it waits for, without asking."""

    async def tell(told: pb.Job) -> None:
        told.waiting_reason = common.WAITING_REASON_NO_WORKERS
        told.waiting_since.seconds = 1000

    watch = watch_job(job.bench.journal, job.bench.feed(), job.ref, 0, 0.01, tell_waiting=tell)
    async with aclosing(watch) as events:  # type: ignore[type-var] # a generator
        first, second = [await anext(events) for _ in range(2)]  # type: ignore[call-overload] # same
    for told in (first.snapshot, second.heartbeat):
        assert told.waiting_reason == common.WAITING_REASON_NO_WORKERS
        assert told.waiting_since.seconds == 1000


async def test_a_quiet_job_has_a_heartbeat(job: Job) -> None:
    """While nothing happens the stream lives, at the sequence it has reached."""
    await job.happen(3)
    async with aclosing(job.watch(heartbeat_s=0.01)) as events:  # type: ignore[type-var] # a generator
        told = [await anext(events) for _ in range(6)]
    assert [event.sequence for event in told[1:4]] == [1, 2, 3]
    assert all(event.HasField("heartbeat") and event.sequence == 3 for event in told[4:])


async def test_a_slow_reader_holds_nothing_back(job: Job) -> None:
    """A reader that takes one event keeps neither the job nor other watchers waiting, and misses nothing."""
    async with aclosing(job.watch()) as slow:  # type: ignore[type-var] # a generator
        first = await anext(slow)
        await job.happen(2_000)
        await job.end()
        quick = [event async for event in job.watch()]
        rest = [event async for event in slow]
    assert first.snapshot.state == pb.JOB_STATE_QUEUED
    assert len(quick) == 2_003
    assert [event.sequence for event in rest[:-1]] == list(range(1, 2_002))


async def test_a_hundred_watchers_see_the_same(job: Job) -> None:
    """One reader of the feed serves them all."""
    feed = job.bench.feed()

    async def read() -> list[int]:
        watch = watch_job(job.bench.journal, feed, job.ref, 0)
        return [event.sequence async for event in watch if not event.HasField("snapshot")]

    watchers = [asyncio.create_task(read()) for _ in range(100)]
    for _ in range(5):
        await job.happen(3)
    await job.end()
    async with asyncio.timeout(20):
        assert {tuple(found) for found in await asyncio.gather(*watchers)} == {tuple(range(1, 17))}
    assert feed._watchers == {}


async def test_an_unknown_job_is_not_watched(bench: Bench) -> None:
    """Its absence is told at once."""
    ref = await make_job(bench.journal, "job-1")
    with pytest.raises(CollatioError) as caught:
        await bench.watch(type(ref)("default", "absent"))
    assert caught.value.reason is Reason.JOB_NOT_FOUND


async def test_a_job_deleted_under_a_watcher_is_told_so(job: Job) -> None:
    """A reader in the middle of its events is not left turning."""
    await job.happen(1_200)
    await job.end()
    async with aclosing(job.watch()) as events:  # type: ignore[type-var] # a generator
        for _ in range(3):
            await anext(events)
        await job.bench.journal.remove(job.ref, -1)
        with pytest.raises(CollatioError) as caught:
            await asyncio.wait_for(_to_the_end(events), 5)
    assert caught.value.reason is Reason.JOB_NOT_FOUND


async def test_a_gateway_that_stops_ends_its_watches(job: Job) -> None:
    """What had happened is told first; then the watcher is sent to another gateway."""
    feed = job.bench.feed()
    await job.happen(3)
    async with aclosing(watch_job(job.bench.journal, feed, job.ref, 0)) as events:  # type: ignore[type-var] # a generator
        told = [(await anext(events)).sequence for _ in range(2)]
        feed.drain()
        told += [(await anext(events)).sequence for _ in range(2)]
        with pytest.raises(CollatioError) as caught:
            await anext(events)
    assert told == [3, 1, 2, 3]
    assert caught.value.reason is Reason.SHUTTING_DOWN


async def _to_the_end(events: AsyncIterator[pb.JobEvent]) -> None:
    async for _ in events:
        pass


async def test_watching_outlives_the_connection(job: Job) -> None:
    """A feed whose connection is killed comes back, and what happened meanwhile is told."""
    reading = asyncio.create_task(_sequences(job))
    await job.happen(2)
    await job.bench.client.client_kill_filter(_type="normal", skipme=True)
    await job.happen(2)
    await job.end()
    async with asyncio.timeout(10):
        assert await reading == [1, 2, 3, 4, 5]


async def _sequences(job: Job) -> list[int]:
    return [event.sequence async for event in job.watch() if not event.HasField("snapshot")]


@pytest.fixture
async def once(valkey_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """A client that tries once: one that tries again reads on where it was, and misses nothing."""
    made = redis.asyncio.Redis.from_url(
        f"{valkey_url.rpartition('/')[0]}/{DATABASE}", retry=Retry(NoBackoff(), 0)
    )
    yield made
    await made.aclose()


async def test_listeners_hear_of_jobs_and_of_gaps(job: Job, once: redis.asyncio.Redis) -> None:
    """Every change names its job; None says that some may have been missed."""
    heard: list[str | None] = []
    more = asyncio.Event()
    feed = job.bench.feed(once)

    def hear(name: str | None) -> None:
        heard.append(name)
        more.set()

    feed.listen(hear)
    await more.wait()
    assert heard == [None]
    more.clear()
    await job.happen()
    await more.wait()
    assert heard == [None, job.ref.key]
    more.clear()
    await job.bench.client.client_kill_filter(_type="normal", skipme=True)
    async with asyncio.timeout(10):
        await more.wait()
    assert heard == [None, job.ref.key, None]
