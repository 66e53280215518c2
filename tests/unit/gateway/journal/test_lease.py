"""LEASE, RENEW, RELEASE: a job is one gateway's at a time, and each that takes it has a higher epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.journal.journal import Entries, Held
from tests.unit.gateway.bench import LEASE_MS, Clock, make_job

if TYPE_CHECKING:
    from gateway.journal.journal import Journal


async def test_an_open_job_is_taken_once(journal: Journal) -> None:
    """A second gateway finds nothing to take."""
    ref = await make_job(journal, "job-1")
    assert await journal.lease("a", LEASE_MS, 10) == [Held(ref, 1)]
    assert await journal.lease("b", LEASE_MS, 10) == []


async def test_no_more_jobs_are_taken_than_asked(journal: Journal) -> None:
    """A gateway takes what it has room for, and leaves the rest to others."""
    for n in range(3):
        await make_job(journal, f"job-{n}")
    assert len(await journal.lease("a", LEASE_MS, 2)) == 2
    assert len(await journal.lease("b", LEASE_MS, 2)) == 1


async def test_a_lease_that_ran_out_is_taken_under_a_higher_epoch(journal: Journal, clock: Clock) -> None:
    """The next gateway learns under which span the one before ran."""
    ref = await make_job(journal, "job-1")
    (held,) = await journal.lease("a", LEASE_MS, 10)
    await journal.write(held, Entries(fields={"run_trace": b"00-aa"}))
    clock.pass_ms(LEASE_MS + 1)
    assert await journal.lease("b", LEASE_MS, 10) == [Held(ref, 2, "00-aa")]


async def test_renewing_keeps_a_lease(journal: Journal, clock: Clock) -> None:
    """A renewed job is nobody else's for another lease."""
    await make_job(journal, "job-1")
    (held,) = await journal.lease("a", LEASE_MS, 10)
    clock.pass_ms(LEASE_MS - 1)
    assert await journal.renew([held], LEASE_MS) == set()
    clock.pass_ms(LEASE_MS - 1)
    assert await journal.lease("b", LEASE_MS, 10) == []


async def test_renewing_tells_what_is_lost(journal: Journal, clock: Clock) -> None:
    """A job taken by another gateway, and one that is gone, are named."""
    ref = await make_job(journal, "job-1")
    (held,) = await journal.lease("a", LEASE_MS, 10)
    clock.pass_ms(LEASE_MS + 1)
    (taken,) = await journal.lease("b", LEASE_MS, 10)
    absent = Held(type(ref)("default", "absent"), 1)
    assert await journal.renew([held, taken, absent], LEASE_MS) == {ref.key, "default/absent"}


async def test_a_released_job_is_taken_at_once(journal: Journal) -> None:
    """Giving back needs no lease to run out."""
    await make_job(journal, "job-1")
    (held,) = await journal.lease("a", LEASE_MS, 10)
    await journal.release(held)
    (taken,) = await journal.lease("b", LEASE_MS, 10)
    assert taken.epoch == 2


async def test_a_lost_job_cannot_be_released(journal: Journal, clock: Clock) -> None:
    """Who lost a job does not take it from who has it."""
    await make_job(journal, "job-1")
    (held,) = await journal.lease("a", LEASE_MS, 10)
    clock.pass_ms(LEASE_MS + 1)
    await journal.lease("b", LEASE_MS, 10)
    await journal.release(held)
    assert await journal.lease("c", LEASE_MS, 10) == []
