"""A job's ends: finished, cancelled, expired, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Fenced, Finish
from tests.unit.gateway.bench import LEASE_MS, START_MS, Clock, make_job

if TYPE_CHECKING:
    from gateway.journal.journal import Held, Journal
    from gateway.journal.record import JobRef

CANCELLING = pb.JobEvent(state_change=pb.Job(state=pb.JOB_STATE_CANCELLING))
CANCELLED = pb.JobEvent(state_change=pb.Job(state=pb.JOB_STATE_CANCELLED))
FAILED = pb.JobEvent(state_change=pb.Job(state=pb.JOB_STATE_FAILED))
RECORD_TTL_MS = 10_000
TTL_MS = 5_000


async def running(journal: Journal, job_id: str = "job-1", **changes: object) -> tuple[JobRef, Held]:
    """Make a job, take it and begin it."""
    ref = await make_job(journal, job_id, **changes)
    (held,) = await journal.lease("a", LEASE_MS, 10)
    await journal.write(held, Entries(begin=True, fields={"plan": b"p"}))
    return ref, held


async def end(journal: Journal, held: Held, state: str = "SUCCEEDED", **fields: bytes) -> str:
    """End a job."""
    return await journal.write(
        held, Entries(events=[FAILED], fields=fields), Finish(state, TTL_MS, CANCELLED)
    )


async def reason_of(awaited: object) -> Reason:
    """Return the reason something fails with."""
    with pytest.raises(CollatioError) as caught:
        await awaited  # type: ignore[misc] # a coroutine, by its callers
    return caught.value.reason


async def test_an_end_states_its_times(journal: Journal, clock: Clock) -> None:
    """An ended job has an end, an expiry, a reason, and is open no more."""
    ref, held = await running(journal)
    clock.pass_ms(10)
    assert await end(journal, held, "FAILED", reason=b"NO_DOCUMENTS", message=b"None.") == "FAILED"
    record = await journal.read(ref)
    assert (record.ended_ms, record.expires_ms) == (START_MS + 10, START_MS + 10 + TTL_MS)
    assert record.ended
    assert record.to_job().error == pb.JobError(reason="NO_DOCUMENTS", message="None.")
    assert await journal.open_count() == 0


async def test_an_ended_job_is_given_to_nobody(journal: Journal, clock: Clock) -> None:
    """No gateway takes it again, and renewing it tells that it is lost."""
    ref, held = await running(journal)
    await end(journal, held)
    clock.pass_ms(LEASE_MS + 1)
    assert await journal.lease("b", LEASE_MS, 10) == []
    assert await journal.renew([held], LEASE_MS) == {ref.key}


async def test_an_ended_job_makes_room(journal: Journal) -> None:
    """The bound on open jobs counts open ones."""
    _, held = await running(journal, jobs_max=1)
    await end(journal, held)
    await make_job(journal, "job-2", jobs_max=1)


async def test_cancelling_is_asked_once(journal: Journal) -> None:
    """A second cancellation is no fault and tells no second event."""
    ref, _ = await running(journal)
    await journal.cancel(ref, CANCELLING)
    await journal.cancel(ref, CANCELLING)
    record = await journal.read(ref)
    assert (record.state, record.sequence) == ("CANCELLING", 1)


async def test_a_queued_job_is_cancelled_by_whoever_takes_it(journal: Journal) -> None:
    """CANCELLING is a state to be taken; beginning does not undo it."""
    ref = await make_job(journal, "job-1")
    await journal.cancel(ref, CANCELLING)
    (held,) = await journal.lease("a", LEASE_MS, 10)
    assert await journal.write(held, Entries(begin=True)) == "CANCELLING"


async def test_a_cancelled_job_ends_cancelled(journal: Journal) -> None:
    """Whatever the run reached meanwhile: its reason is dropped, and the event told says CANCELLED."""
    ref, held = await running(journal)
    await journal.cancel(ref, CANCELLING)
    assert await end(journal, held, "FAILED", reason=b"NO_DOCUMENTS", message=b"None.") == "CANCELLED"
    job = (await journal.read(ref)).to_job()
    assert job.state == pb.JOB_STATE_CANCELLED
    assert not job.HasField("error")
    told = [event.state_change.state for event in await journal.events(ref, 0, 10)]
    assert told == [pb.JOB_STATE_CANCELLING, pb.JOB_STATE_CANCELLED]


async def test_what_has_ended_is_not_cancelled(journal: Journal) -> None:
    """An ended job is a failed precondition, a cancelled one is not, an absent one is absent."""
    ref, held = await running(journal)
    await end(journal, held)
    assert await reason_of(journal.cancel(ref, CANCELLING)) is Reason.JOB_ALREADY_ENDED
    other, held = await running(journal, "job-2")
    await journal.cancel(other, CANCELLING)
    await end(journal, held, "CANCELLED")
    await journal.cancel(other, CANCELLING)
    absent = type(ref)("default", "absent")
    assert await reason_of(journal.cancel(absent, CANCELLING)) is Reason.JOB_NOT_FOUND


async def test_a_cancelled_job_is_fenced_for_late_writers(journal: Journal) -> None:
    """After CANCELLED nothing is added."""
    _, held = await running(journal)
    await end(journal, held, "CANCELLED")
    with pytest.raises(Fenced):
        await journal.write(held, Entries(tiles={0: compare.CompareTile()}))


async def test_results_expire_and_the_record_stays(journal: Journal, clock: Clock) -> None:
    """When its time has come, and not before, a job is EXPIRED without documents, tiles or plan."""
    ref, held = await running(journal)
    await journal.write(held, Entries(documents={"a": pb.JobDocument()}, tiles={0: compare.CompareTile()}))
    await end(journal, held)
    clock.pass_ms(TTL_MS - 1)
    assert await journal.expire(RECORD_TTL_MS) == 0
    clock.pass_ms(1)
    assert await journal.expire(RECORD_TTL_MS) == 1
    assert await journal.expire(RECORD_TTL_MS) == 0
    record = await journal.read(ref)
    assert (record.state, record.plan, record.ended) == ("EXPIRED", "", True)
    assert await journal.documents(ref, 0, 10) == []
    assert await journal.tiles(ref) == {}


async def test_a_record_is_forgotten_in_its_turn(journal: Journal, clock: Clock) -> None:
    """So long after its results, a job leaves nothing, and its id and request id are free again."""
    ref, held = await running(journal, request_id="r", body="b")
    await end(journal, held)
    clock.pass_ms(TTL_MS)
    assert await journal.expire(RECORD_TTL_MS) == 1
    clock.pass_ms(RECORD_TTL_MS - 1)
    assert await journal.expire(RECORD_TTL_MS) == 0
    assert (await journal.read(ref)).state == "EXPIRED"
    clock.pass_ms(1)
    assert await journal.expire(RECORD_TTL_MS) == 1
    assert await reason_of(journal.read(ref)) is Reason.JOB_NOT_FOUND
    assert await journal._client.keys("*") == [journal.feed.encode()]
    await make_job(journal, "job-1", request_id="r", body="another")


async def test_removing_leaves_nothing(journal: Journal) -> None:
    """A removed job is absent, its id and its request id are free again."""
    ref, held = await running(journal, request_id="r", body="b")
    await end(journal, held)
    await journal.remove(ref, -1)
    assert await reason_of(journal.read(ref)) is Reason.JOB_NOT_FOUND
    assert await journal.list_ids("default", None, 10) == []
    assert await journal._client.keys("*") == [journal.feed.encode()]
    await make_job(journal, "job-1", request_id="r", body="another")


async def test_removing_minds_state_and_etag(journal: Journal) -> None:
    """A running job, one that changed, and an absent one are told apart."""
    ref, held = await running(journal)
    assert await reason_of(journal.remove(ref, -1)) is Reason.JOB_NOT_ENDED
    await end(journal, held)
    assert await reason_of(journal.remove(ref, 7)) is Reason.ETAG_MISMATCH
    await journal.remove(ref, 1)
    assert await reason_of(journal.remove(ref, 1)) is Reason.JOB_NOT_FOUND


async def test_an_expired_job_can_be_removed(journal: Journal, clock: Clock) -> None:
    """Its record goes when it is asked to."""
    ref, held = await running(journal)
    await end(journal, held)
    clock.pass_ms(TTL_MS)
    await journal.expire(RECORD_TTL_MS)
    await journal.remove(ref, -1)
    assert await journal._client.keys("*job*") == []
