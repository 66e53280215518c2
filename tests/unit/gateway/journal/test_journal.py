"""Reading the journal, and a store that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import common_pb2 as common
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Journal
from gateway.journal.record import JobRef
from tests.unit.gateway.bench import START_MS, Clock, make_job, spec_of

if TYPE_CHECKING:
    from tests.unit.gateway.bench import Bench


async def test_ids_are_listed_newest_first(journal: Journal, clock: Clock) -> None:
    """Jobs of the same millisecond are told apart by id, so that a page can go on between them."""
    for n in range(6):
        await make_job(journal, f"job-{n}")
        clock.pass_ms(n % 2)
    every = await journal.list_ids("default", None, 100)
    assert every == sorted(every, reverse=True)
    assert len(every) == 6
    paged = []
    before = None
    while page := await journal.list_ids("default", before, 2):
        paged += page
        before = page[-1]
    assert paged == every


async def test_many_records_are_read_at_once(journal: Journal) -> None:
    """In order, None for what is absent."""
    one, two = await make_job(journal, "job-1"), await make_job(journal, "job-2")
    found = await journal.read_many([two, JobRef("default", "absent"), one])
    assert [record and record.ref for record in found] == [two, None, one]
    assert await journal.read_many([]) == []


async def test_events_are_read_in_pages(bench: Bench) -> None:
    """After a sequence, so many, numbered by their places."""
    ref = await make_job(bench.journal, "job-1")
    held = await bench.held()
    await bench.journal.write(held, Entries(events=[pb.JobEvent(heartbeat=pb.Heartbeat())] * 5))
    assert [e.sequence for e in await bench.journal.events(ref, 1, 3)] == [2, 3, 4]
    assert await bench.journal.events(ref, 5, 3) == []


async def test_a_job_shows_no_secret_and_no_bytes(journal: Journal) -> None:
    """Passwords never come back; an inline document is its name alone."""
    spec = spec_of("one:a")
    spec.extract.passwords.append("open sesame")
    kept = common.InlineDocument(name=f"{'0' * 64}/notes/a.txt")
    spec.sources.add(inline=kept)
    spec.compare.baseline.source.inline.CopyFrom(kept)
    ref = await make_job(journal, "job-1", spec)
    job = (await journal.read(ref)).to_job()
    assert not job.spec.extract.passwords
    assert job.spec.sources[1].inline == common.InlineDocument(name="notes/a.txt")
    assert job.spec.compare.baseline.source.inline.name == "notes/a.txt"
    assert job.create_time.ToMilliseconds() == START_MS
    assert not job.HasField("end_time")


async def test_a_store_that_is_away_is_typed() -> None:
    """Every way to the store fails with STATE_STORE_UNAVAILABLE and a delay."""
    client = redis.asyncio.Redis.from_url("redis://127.0.0.1:1/0", retry=Retry(NoBackoff(), 0))
    journal = Journal(client)
    ref = JobRef("default", "job-1")
    for awaited in (
        journal.lease("a", 1, 1),
        journal.read(ref),
        journal.read_many([ref]),
        journal.state(ref),
        journal.events(ref, 0, 1),
        journal.open_count(),
        make_job(journal, "job-1"),
    ):
        with pytest.raises(CollatioError) as caught:
            await awaited
        assert caught.value.reason is Reason.STATE_STORE_UNAVAILABLE
        assert caught.value.retry_after_s
    await client.aclose()


async def test_a_store_without_memory_is_told_apart(client: redis.asyncio.Redis, journal: Journal) -> None:
    """Out of memory is STATE_STORE_FULL."""
    await client.config_set("maxmemory", "1")
    try:
        with pytest.raises(CollatioError) as caught:
            await make_job(journal, "job-1")
    finally:
        await client.config_set("maxmemory", "0")
    assert caught.value.reason is Reason.STATE_STORE_FULL
