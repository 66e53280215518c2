"""WRITE: what a run reached, under its epoch alone, each write once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Fenced, Finish, Regressed
from tests.unit.gateway.bench import LEASE_MS, START_MS, Clock, make_job

if TYPE_CHECKING:
    from gateway.journal.journal import Held, Journal, Regressed
    from gateway.journal.record import JobRef

CANCELLED = pb.JobEvent(state_change=pb.Job(state=pb.JOB_STATE_CANCELLED))
SUCCEEDED = pb.JobEvent(state_change=pb.Job(state=pb.JOB_STATE_SUCCEEDED))


def document(name: str, state: pb.DocumentState.ValueType = pb.DOCUMENT_STATE_FETCHED) -> pb.JobDocument:
    """Make a document."""
    return pb.JobDocument(document_id=name, uri=f"one:{name}", state=state)


async def taken(journal: Journal, job_id: str = "job-1") -> tuple[JobRef, Held]:
    """Make a job and take it."""
    ref = await make_job(journal, job_id)
    (held,) = await journal.lease("a", LEASE_MS, 10)
    return ref, held


async def test_a_write_is_read_back(journal: Journal) -> None:
    """Fields, documents in the order found, tiles and numbered events, in one script."""
    ref, held = await taken(journal)
    entries = Entries(
        fields={"plan": b"p", "documents": pb.DocumentCounts(found=2).SerializeToString()},
        documents={"b": document("b"), "a": document("a")},
        tiles={3: compare.CompareTile(tile=3, pair_count=7), -1: compare.CompareTile(tile=-1)},
        events=[pb.JobEvent(document=document("b")), pb.JobEvent(document=document("a"))],
        begin=True,
    )
    assert await journal.write(held, entries) == "RUNNING"
    record = await journal.read(ref)
    assert (record.state, record.started_ms, record.plan, record.documents.found) == (
        "RUNNING",
        START_MS,
        "p",
        2,
    )
    assert [d.document_id for d in await journal.documents(ref, 0, 10)] == ["b", "a"]
    assert {number: tile.pair_count for number, tile in (await journal.tiles(ref)).items()} == {3: 7, -1: 0}
    events = await journal.events(ref, 0, 10)
    assert [(e.sequence, e.document.document_id) for e in events] == [(1, "b"), (2, "a")]


async def test_tiles_of_another_manifest_are_forgotten(journal: Journal) -> None:
    """What came before the word to drop them goes, what comes with it stays."""
    ref, held = await taken(journal)
    await journal.write(held, Entries(tiles={0: compare.CompareTile(), 1: compare.CompareTile()}))
    await journal.write(held, Entries(tiles={1: compare.CompareTile(pair_count=3)}, drop_tiles=True))
    assert {number: tile.pair_count for number, tile in (await journal.tiles(ref)).items()} == {1: 3}


async def test_a_document_keeps_its_place(journal: Journal) -> None:
    """Writing it again changes it where it stands."""
    ref, held = await taken(journal)
    await journal.write(held, Entries(documents={"a": document("a"), "b": document("b")}))
    await journal.write(held, Entries(documents={"a": document("a", pb.DOCUMENT_STATE_EXTRACTED)}))
    found = await journal.documents(ref, 0, 10)
    assert [(d.document_id, d.state) for d in found] == [
        ("a", pb.DOCUMENT_STATE_EXTRACTED),
        ("b", pb.DOCUMENT_STATE_FETCHED),
    ]


async def test_an_old_epoch_writes_nothing(journal: Journal, clock: Clock) -> None:
    """A gateway that lost its job changes no field, document, tile, event or state of it."""
    ref, old = await taken(journal)
    clock.pass_ms(LEASE_MS + 1)
    (new,) = await journal.lease("b", LEASE_MS, 10)
    everything = Entries(
        fields={"plan": b"p"},
        documents={"a": document("a")},
        tiles={0: compare.CompareTile()},
        events=[SUCCEEDED],
        begin=True,
    )
    for finish in (None, Finish("SUCCEEDED", 1000, CANCELLED)):
        with pytest.raises(Fenced):
            await journal.write(old, everything, finish)
    record = await journal.read(ref)
    assert (record.state, record.plan, record.sequence) == ("QUEUED", "", 0)
    assert await journal.documents(ref, 0, 10) == []
    assert await journal.tiles(ref) == {}
    assert await journal.write(new, everything) == "RUNNING"


async def test_a_job_that_is_gone_takes_no_write(journal: Journal, clock: Clock) -> None:
    """A run whose job was deleted, or lost with the store, is fenced."""
    _, held = await taken(journal)
    await journal._client.flushdb()
    with pytest.raises(Fenced):
        await journal.write(held, Entries(events=[SUCCEEDED]))
    assert await journal._client.keys("*") == []


async def test_a_repeated_write_is_made_once(journal: Journal) -> None:
    """A write whose answer was lost is sent again and changes nothing; the next number does."""
    ref, held = await taken(journal)
    for number in (1, 1, 2, 2):
        assert await journal.write(held, Entries(events=[SUCCEEDED], number=number)) == "QUEUED"
    assert (await journal.read(ref)).sequence == 2


async def test_a_repeated_end_is_answered(journal: Journal) -> None:
    """A run that ended its job, and did not hear so, is not told that it lost it."""
    ref, held = await taken(journal)
    end = Entries(events=[SUCCEEDED], number=1)
    for _ in range(2):
        assert await journal.write(held, end, Finish("SUCCEEDED", 1000, CANCELLED)) == "SUCCEEDED"
    assert (await journal.read(ref)).sequence == 1


async def test_numbers_belong_to_an_epoch(journal: Journal) -> None:
    """The next gateway's first write is its own."""
    ref, held = await taken(journal)
    await journal.write(held, Entries(events=[SUCCEEDED], number=1))
    await journal.release(held)
    (taken_over,) = await journal.lease("b", LEASE_MS, 10)
    await journal.write(taken_over, Entries(events=[SUCCEEDED], number=1))
    assert (await journal.read(ref)).sequence == 2


async def test_a_run_learns_that_the_store_went_back_in_time(journal: Journal) -> None:
    """A write that does not follow on the run's last is refused: what stood between them is lost."""
    ref, held = await taken(journal)
    await journal.write(held, Entries(events=[SUCCEEDED], number=1, run="r"))
    with pytest.raises(Regressed):
        await journal.write(held, Entries(events=[SUCCEEDED], number=3, run="r"))
    with pytest.raises(Regressed):
        await journal.write(held, Entries(events=[SUCCEEDED], number=2, run="another"))
    assert (await journal.read(ref)).sequence == 1


async def test_an_ended_job_takes_no_write(journal: Journal) -> None:
    """What was told at the end stays."""
    ref, held = await taken(journal)
    await journal.write(held, Entries(events=[SUCCEEDED]), Finish("SUCCEEDED", 1000, CANCELLED))
    with pytest.raises(Fenced):
        await journal.write(held, Entries(documents={"a": document("a")}))
    assert await journal.documents(ref, 0, 10) == []


async def test_every_write_is_told_on_the_feed(journal: Journal) -> None:
    """Who follows the feed learns which job changed."""
    ref, held = await taken(journal)
    await journal.write(held, Entries(events=[SUCCEEDED]))
    entries = await journal._client.xrange(journal.feed)
    assert [fields[b"j"].decode() for _, fields in entries] == [ref.key, ref.key]
