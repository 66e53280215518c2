"""A gateway's share of the jobs: taken, renewed, given back, and taken over when a gateway dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Fenced, Held, Journal
from gateway.keeper import Keeper
from gateway.run.run import JobRun
from tests.unit.gateway.bench import LEASE_MS, make_job, spec_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.journal.record import JobRef
    from tests.unit.gateway.bench import Bench

SPEC = spec_of("many:20", "one:box-3", "one:corrupt", compared=True)
EXPECTED = pb.DocumentCounts(found=25, fetched=25, extracted=24, failed=1, listing_done=True)
PAIRS = 23 * 22 // 2
SHORT_LEASE_MS = 300


class FailingJournal(Journal):
    """A journal of which some methods fail so often."""

    def __init__(self, journal: Journal, **fails: int) -> None:
        super().__init__(journal._client, journal._clock)
        self.fails = fails

    def _fail(self, name: str) -> None:
        if self.fails.get(name, 0) > 0:
            self.fails[name] -= 1
            raise CollatioError(Reason.STATE_STORE_UNAVAILABLE)

    async def lease(self, owner: str, lease_ms: int, jobs_max: int) -> list[Held]:
        """Take jobs, or fail."""
        self._fail("lease")
        return await super().lease(owner, lease_ms, jobs_max)

    async def tiles(self, ref: JobRef) -> dict[int, object]:  # type: ignore[override] # only handed on
        """Read tiles, or fail."""
        self._fail("tiles")
        return await super().tiles(ref)  # type: ignore[return-value] # as above

    async def renew(self, held: Sequence[Held], lease_ms: int) -> set[str]:
        """Renew, or fail."""
        self._fail("renew")
        return await super().renew(held, lease_ms)


async def dead_after(bench: Bench, ref: JobRef, stage: str, answers: int) -> Held:
    """Run a job as a gateway that dies, without a word, once a stage has given so many answers."""
    bench.scripted.script.hold, bench.scripted.script.hold_after = {stage}, {stage: answers}
    held = await bench.held("dead")
    running = asyncio.create_task(JobRun(bench.deps, held).run())
    await bench.scripted.until(lambda: bench.scripted.answered[stage] >= answers)
    if answers:
        await bench.until(ref, lambda event: event.sequence > 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    bench.scripted.script.hold = set()
    return held


@pytest.mark.parametrize(
    ("stage", "answers"),
    [("fetch", 0), ("fetch", 7), ("extract", 0), ("extract", 9), ("compare", 0), ("compare", 3)],
)
async def test_a_dead_gateway_s_job_is_finished_by_another(bench: Bench, stage: str, answers: int) -> None:
    """Under a higher epoch, from the journal: everything once, and what was journaled is not asked again."""
    bench.scripted.script.tile_pairs = 50
    ref = await make_job(bench.journal, "job-1", SPEC)
    dead = await dead_after(bench, ref, stage, answers)
    done_before = {d.document_id for d in await bench.documents(ref) if d.state != pb.DOCUMENT_STATE_FETCHED}
    bench.scripted.asked.clear()
    bench.clock.pass_ms(LEASE_MS + 1)
    bench.keeper()
    events = await bench.watch(ref)
    job = events[-1].snapshot
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert job.documents == EXPECTED
    assert job.comparisons == pb.ComparisonCounts(planned=PAIRS, compared=PAIRS)
    assert (await bench.journal.read(ref)).epoch == 2
    documents = await bench.documents(ref)
    assert len({d.document_id for d in documents}) == len(documents) == 25
    boxes = {d.document_id for d in documents if d.member_count}
    again = {name for at, name in bench.scripted.asked if at == "extract"}
    assert not again & (done_before - boxes)
    sequences = [event.sequence for event in events[1:-1]]
    assert sequences == list(range(1, len(sequences) + 1))
    told = Counter((e.document.document_id, e.document.state) for e in events if e.HasField("document"))
    assert set(told.values()) == {1}
    with pytest.raises(Fenced):
        await bench.journal.write(dead, Entries(documents={"late": pb.JobDocument(document_id="late")}))


async def test_a_gateway_that_stops_hands_over_at_once(bench: Bench) -> None:
    """Its jobs are given back: nobody waits for a lease to run out."""
    bench.scripted.script.hold, bench.scripted.script.hold_after = {"extract"}, {"extract": 5}
    ref = await make_job(bench.journal, "job-1", SPEC)
    first = bench.keeper()
    await bench.scripted.until(lambda: bench.scripted.answered["extract"] == 5)
    await first.close()
    bench.scripted.script.hold = set()
    bench.keeper()
    job = (await bench.watch(ref))[-1].snapshot
    assert (job.state, job.documents) == (pb.JOB_STATE_SUCCEEDED, EXPECTED)
    assert bench.scripted.cancelled.total() == 0


async def test_two_gateways_share_jobs_without_sharing_one(bench: Bench) -> None:
    """Each job is run by one of them, and all are run."""
    bench.keeper()
    bench.keeper()
    refs = [await make_job(bench.journal, f"job-{n}", spec_of("many:3", compared=True)) for n in range(20)]
    ends = [(await bench.watch(ref))[-1].snapshot for ref in refs]
    assert {job.state for job in ends} == {pb.JOB_STATE_SUCCEEDED}
    assert [(await bench.journal.read(ref)).epoch for ref in refs] == [1] * 20
    assert Counter(bench.scripted.jobs) == {ref.name: 3 for ref in refs}


async def test_no_more_jobs_run_than_allowed(bench: Bench) -> None:
    """A keeper with room for eight takes the ninth when one has ended."""
    bench.scripted.script.hold = {"fetch"}
    refs = [await make_job(bench.journal, f"job-{n}") for n in range(9)]
    bench.keeper()
    await bench.scripted.until(lambda: bench.scripted.streams["fetch"] == 8)
    assert len(await bench.journal.lease("other", LEASE_MS, 10)) == 1
    bench.scripted.released.set()
    for ref in refs[:8]:
        assert (await bench.watch(ref))[-1].snapshot.state == pb.JOB_STATE_SUCCEEDED


async def test_a_store_that_fails_for_a_while_ends_no_job(bench: Bench) -> None:
    """Neither taking, nor reading in the middle of a run: the run is begun again, under a new epoch."""
    ref = await make_job(bench.journal, "job-1", SPEC)
    bench.keeper(journal=FailingJournal(bench.journal, lease=2, tiles=1))
    job = (await bench.watch(ref))[-1].snapshot
    assert (job.state, job.documents) == (pb.JOB_STATE_SUCCEEDED, EXPECTED)
    assert (await bench.journal.read(ref)).epoch == 2


async def test_a_renewal_that_comes_late_stops_no_later_run(bench: Bench) -> None:
    """What it found lost is the run it asked for, not the one this gateway began under a higher epoch meanwhile."""
    asked, answer = asyncio.Event(), asyncio.Event()

    class Late(FailingJournal):
        async def renew(self, held: Sequence[Held], lease_ms: int) -> set[str]:
            asked.set()
            await answer.wait()
            return await super().renew(held, lease_ms)

    bench.scripted.script.hold, bench.scripted.script.hold_after = {"extract"}, {"extract": 5}
    ref = await make_job(bench.journal, "job-1", SPEC)
    keeper = Keeper(replace(bench.deps, journal=Late(bench.journal)), bench.feed(), SHORT_LEASE_MS, 8)
    keeper.start()
    await asked.wait()
    bench.clock.pass_ms(SHORT_LEASE_MS + 1)
    while (await bench.journal.read(ref)).epoch == 1:
        await asyncio.sleep(0.01)  # a lease is taken, not told
    answer.set()
    bench.scripted.released.set()
    async with asyncio.timeout(20):
        job = (await bench.watch(ref))[-1].snapshot
    assert (job.state, job.documents) == (pb.JOB_STATE_SUCCEEDED, EXPECTED)
    assert (await bench.journal.read(ref)).epoch == 2
    await keeper.close()


async def test_a_fault_of_ours_ends_no_job(bench: Bench) -> None:
    """A run that fails for a reason nobody thought of is begun again."""

    class Faulty(FailingJournal):
        def _fail(self, name: str) -> None:
            if self.fails.get(name, 0) > 0:
                self.fails[name] -= 1
                raise KeyError(name)

    ref = await make_job(bench.journal, "job-1", SPEC)
    bench.keeper(journal=Faulty(bench.journal, tiles=1))
    assert (await bench.watch(ref))[-1].snapshot.state == pb.JOB_STATE_SUCCEEDED


async def test_a_cancellation_missed_while_the_feed_was_away_is_seen(bench: Bench) -> None:
    """When changes may have been missed, every run looks whether its job was cancelled."""
    bench.scripted.script.hold = {"fetch"}
    ref = await make_job(bench.journal, "job-1")
    keeper = bench.keeper()
    await bench.scripted.until(lambda: bench.scripted.streams["fetch"] == 1)
    await bench.client.hset("{collatio:gateway}:job:default/job-1", "state", "CANCELLING")
    keeper._on_change(None)
    await bench.scripted.until(lambda: bench.scripted.cancelled["fetch"] == 1)
    job = (await bench.watch(ref))[-1].snapshot
    assert job.state == pb.JOB_STATE_CANCELLED


async def test_results_expire_while_a_gateway_runs(bench: Bench) -> None:
    """The keeper drops what is past its time as it looks for work."""
    spec = spec_of("one:a")
    spec.result_ttl.FromMilliseconds(10)
    ref = await make_job(bench.journal, "job-1", spec)
    bench.keeper()
    await bench.watch(ref)
    bench.clock.pass_ms(11)
    other = await make_job(bench.journal, "job-2")
    await bench.watch(other)
    await bench.journal.expire(1_000)
    assert (await bench.journal.read(ref)).state == "EXPIRED"
