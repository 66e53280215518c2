"""A run's pen: everything is written, once, in order, however often the store fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Fenced, Finish, Journal
from gateway.run.documents import FETCHED, Documents
from gateway.run.writer import Writer
from tests.unit.gateway.bench import LEASE_MS, START_MS, make_job

if TYPE_CHECKING:
    from gateway.journal.journal import Held
    from gateway.journal.record import JobRef


class FailingJournal(Journal):
    """A journal whose writes fail as told: `before` they are made, or `after`, when the answer is lost."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal._client, journal._clock)
        self.fails: list[str] = []
        self.writing = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def write(self, held: Held, entries: Entries, finish: Finish | None = None) -> str:
        """Write, or fail."""
        how = self.fails.pop(0) if self.fails else ""
        if how == "before":
            raise CollatioError(Reason.STATE_STORE_UNAVAILABLE)
        state = await super().write(held, entries, finish)
        self.writing.set()
        await self.go_on.wait()
        if how == "after":
            raise CollatioError(Reason.STATE_STORE_UNAVAILABLE)
        return state


class Pen:
    """A writer over a job that was taken."""

    def __init__(self, journal: FailingJournal, ref: JobRef, held: Held) -> None:
        self.journal, self.ref, self.held = journal, ref, held
        self.documents = Documents()
        self.writer = Writer(journal, held, self.documents, lambda: START_MS, retry_s=0.0)

    def note(self, *names: str) -> None:
        """Note documents."""
        for name in names:
            self.writer.document(pb.JobDocument(document_id=name, uri=name, state=FETCHED))

    async def told(self) -> list[str]:
        """Read the documents that events tell of."""
        return [e.document.document_id for e in await self.journal.events(self.ref, 0, 10_000)]

    async def kept(self) -> list[str]:
        """Read the documents in the journal."""
        return [d.document_id for d in await self.journal.documents(self.ref, 0, 10_000)]


@pytest.fixture
async def pen(journal: Journal) -> Pen:
    """A pen for job-1."""
    ref = await make_job(journal, "job-1")
    (held,) = await journal.lease("a", LEASE_MS, 1)
    return Pen(FailingJournal(journal), ref, held)


async def test_a_thousand_documents_are_few_writes(pen: Pen) -> None:
    """What is noted is cut into writes of bounded size, in order, with counts and events."""
    names = [f"{n:04}" for n in range(1000)]
    pen.note(*names)
    await pen.writer.flush()
    assert await pen.told() == names
    assert await pen.kept() == names
    record = await pen.journal.read(pen.ref)
    assert (record.sequence, record.documents.found) == (1000, 1000)


async def test_nothing_noted_is_nothing_written(pen: Pen) -> None:
    """An idle run leaves the journal alone."""
    before = await pen.journal._client.xlen(pen.journal.feed)
    await pen.writer.flush()
    assert await pen.journal._client.xlen(pen.journal.feed) == before


async def test_an_outage_is_waited_out(pen: Pen) -> None:
    """A write that failed, or whose answer was lost, is repeated and tells nothing twice."""
    pen.note("a")
    pen.journal.fails = ["before", "after", "after", "before"]
    await pen.writer.flush()
    pen.note("b")
    await pen.writer.flush()
    assert await pen.told() == ["a", "b"]


async def test_a_lost_answer_to_the_end_is_no_lost_job(pen: Pen) -> None:
    """The job ended once, and the run learns it."""
    pen.journal.fails = ["after"]
    assert await pen.writer.finish("SUCCEEDED", "", "", 1000) == "SUCCEEDED"
    assert (await pen.journal.read(pen.ref)).sequence == 1


@pytest.mark.parametrize("documents", [1, 700])
async def test_a_flush_cut_short_loses_nothing(pen: Pen, documents: int) -> None:
    """The job's end cancels the flush in hand; what it had not written is written with the end."""
    names = [f"{n:04}" for n in range(documents)]
    writing = asyncio.create_task(pen.writer.run())
    pen.journal.go_on.clear()
    pen.note(*names)
    await pen.journal.writing.wait()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    pen.journal.go_on.set()
    await pen.writer.finish("SUCCEEDED", "", "", 1000)
    assert await pen.kept() == names
    assert await pen.told() == [*names, ""]


async def test_what_is_noted_is_written_by_itself(pen: Pen) -> None:
    """The running pen writes within a moment."""
    writing = asyncio.create_task(pen.writer.run())
    pen.note("a")
    async with asyncio.timeout(5):
        await pen.journal.writing.wait()
    assert await pen.kept() == ["a"]
    writing.cancel()


async def test_a_lost_job_ends_the_pen(pen: Pen) -> None:
    """Who lost the lease hears so at the next write, from the running pen too."""
    await pen.journal.release(pen.held)
    await pen.journal.lease("b", LEASE_MS, 1)
    pen.note("a")
    with pytest.raises(Fenced):
        await pen.writer.run()
    with pytest.raises(Fenced):
        await pen.writer.finish("SUCCEEDED", "", "", 1000)
    assert await pen.kept() == []


async def test_counts_of_comparisons_are_told_together(pen: Pen) -> None:
    """Several steps between two flushes make one event, with the last counts."""
    for n in range(3):
        pen.writer.tile(n, compare.CompareTile(tile=n))
        pen.writer.comparisons.compared += 5
        pen.writer.counted()
    await pen.writer.flush()
    (event,) = await pen.journal.events(pen.ref, 0, 10)
    assert event.comparisons.compared == 15
    assert set(await pen.journal.tiles(pen.ref)) == {0, 1, 2}
    assert (await pen.journal.read(pen.ref)).comparisons.compared == 15


async def test_a_failed_end_says_why(pen: Pen) -> None:
    """Reason and message stand in the job and in its last event."""
    await pen.writer.finish("FAILED", "NO_DOCUMENTS", "None.", 1000)
    (event,) = await pen.journal.events(pen.ref, 0, 10)
    error = pb.JobError(reason="NO_DOCUMENTS", message="None.")
    assert event.state_change == pb.Job(name="jobs/job-1", state=pb.JOB_STATE_FAILED, error=error)
    assert event.time.ToMilliseconds() == START_MS
    assert (await pen.journal.read(pen.ref)).to_job().error == error
