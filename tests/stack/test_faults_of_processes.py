"""Faults 1 to 7 and 16 to 18 and 20 of docs/reliability.md: processes that die, stop, or are told to go."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import redis

from collatio.client import JobState
from collatio.local.store import NAME as BROKER
from collatio.runtime.ledger import commands
from collatio.runtime.ledger.ledger import Ledger
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.ledger.records import Message, Verdict
from collatio.runtime.queue.publish import CeleryPublisher
from collatio.runtime.queue.send import HEADER_JOB, HEADER_TENANT
from tests.support.jobs import told_again
from tests.support.processes import frozen, kill_all
from tests.support.running_mesh import DISPATCH_S, LEASE_S

if TYPE_CHECKING:
    from collatio.client import Job
    from tests.support.shaken_mesh import ShakenMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds pool children in /proc, which is Linux's"),
]

COUNT = 40
END_S = 60.0
EXTRACT = "in=extract_svc"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _whole(shaken: ShakenMesh) -> None:
    """Begin each test with a mesh that is whole again, and nothing armed."""
    for path in shaken.points.iterdir():
        path.unlink()
    await shaken.mesh.whole()


async def test_fault_1_a_worker_killed_in_a_step(shaken: ShakenMesh) -> None:
    """`kill -9` of a worker's whole tree: done within L + 10 s of another one's being there, one commit a step."""
    papers = shaken.papers("fault-1", COUNT)
    shaken.arm("worker.step.begun", f"stop {EXTRACT} after=3")
    job = await shaken.client.submit(papers.spec)
    await shaken.taken("worker.step.begun")
    workers = shaken.tree("extract-work")
    kill_all(workers)
    await shaken.replaced("extract", workers[0])
    async with asyncio.timeout(LEASE_S + 10):
        job = await shaken.client.wait(job.name)
    found = await shaken.judge(job, papers)
    assert found.runs_again >= 1


async def test_fault_2_a_message_that_dies_with_an_idle_worker(shaken: ShakenMesh) -> None:
    """Celery hands a message to a stopped worker and forgets it; the ledger sends its steps again within D."""
    papers = shaken.papers("fault-2", 8)
    workers = shaken.tree("extract-work")
    with frozen(workers):
        job = await shaken.client.submit(papers.spec)
        await shaken.mesh.status(lambda status: status.stages[1].in_flight > 0)
        kill_all(workers)
    await shaken.replaced("extract", workers[0])
    async with asyncio.timeout(DISPATCH_S + 10):
        job = await shaken.client.wait(job.name)
    await shaken.judge(job, papers)
    for step in shaken.steps(job, "extract"):
        assert [move.after for move in step.moves][:3] in (
            ["QUEUED", "SENT", "QUEUED"],
            ["QUEUED", "SENT", "RUNNING"],  # it was still in the queue, not in the dead worker's hands
        )


async def test_fault_3_a_pool_child_killed_in_a_step(shaken: ShakenMesh) -> None:
    """Only what its message had not committed runs again, and only the step in hand is charged."""
    papers = shaken.papers("fault-3", COUNT)
    parent = shaken.mesh.pid("extract-work")
    shaken.arm("worker.step.begun", f"kill {EXTRACT} after=3")
    job = await _ended(shaken, await shaken.client.submit(papers.spec))
    found = await shaken.judge(job, papers)
    assert shaken.mesh.pid("extract-work") == parent, "the pool itself lived on"
    assert found.messages_lost == 1
    steps = shaken.steps(job, "extract")
    assert sum(len([m for m in s.moves if m.after == "RUNNING"]) > 1 for s in steps) < len(steps)
    assert shaken.field_sum("extract", steps, "ai") == 1
    assert shaken.field_sum("extract", steps, "ad") == 0


@pytest.mark.parametrize("point", ["worker.settle.before", "worker.message.end"])
async def test_fault_4_a_death_on_either_side_of_the_commit(shaken: ShakenMesh, point: str) -> None:
    """After the blob, before COMMIT; after COMMIT, before Celery's acknowledgement: one commit, and claims say done."""
    papers = shaken.papers(f"fault-4-{point}", COUNT)
    shaken.arm(point, f"kill {EXTRACT}")
    job = await _ended(shaken, await shaken.client.submit(papers.spec))
    await shaken.taken(point)
    await shaken.judge(job, papers)
    keys = [step.key for step in shaken.steps(job, "extract")]
    with shaken.broker() as store:
        ledger = Ledger(store, "extract", Limits.for_leases(LEASE_S, DISPATCH_S))
        claims = ledger.run(commands.claim("late", ["any@1"], "message", keys))
    assert {claim.verdict for claim in claims} == {Verdict.DONE}


async def test_fault_5_the_gateway_killed_at_every_turn(shaken: ShakenMesh) -> None:
    """At accept, dispatch, journal and stream: one request id is one job, and the watch goes on where it was."""
    papers = shaken.papers("fault-5", COUNT)
    points = ("gateway.create.after", "gateway.stream.open", "gateway.write.before", "gateway.watch.event")
    for point in points:
        shaken.arm(point)
    request = str(uuid.uuid4())
    job = await shaken.client.submit(papers.spec, request_id=request)
    events = [event async for event in shaken.client.watch(job.name)]
    for point in points:
        await shaken.taken(point)
    assert (await shaken.client.submit(papers.spec, request_id=request)).name == job.name
    told = [event for event in events if event.WhichOneof("event") != "snapshot"]
    assert told == await told_again(shaken.mesh.target, job.name)
    await shaken.judge(events[-1].snapshot, papers)


@pytest.mark.parametrize("stage", ["fetch", "extract", "compare"])
async def test_fault_6_a_stage_server_killed_in_a_call(shaken: ShakenMesh, stage: str) -> None:
    """The gateway opens the stream again and asks for what is missing."""
    papers = shaken.papers(f"fault-6-{stage}", COUNT)
    shaken.arm("stage.reply.before", f"kill in={stage}_svc")
    job = await _ended(shaken, await shaken.client.submit(papers.spec))
    await shaken.taken("stage.reply.before")
    found = await shaken.judge(job, papers)
    assert found.runs_again == 0, "what was done was done"


async def test_fault_7_a_worker_stopped_beyond_its_lease(shaken: ShakenMesh) -> None:
    """Its steps run elsewhere meanwhile; its own commit comes late and is fenced."""
    papers = shaken.papers("fault-7", COUNT)
    shaken.arm("worker.settle.before", f"stop {EXTRACT}")
    job = await shaken.client.submit(papers.spec)
    stopped = await shaken.taken("worker.settle.before")
    try:
        job = await _ended(shaken, job)
        results = [(d.uri, d.extraction.sha256) async for d in shaken.client.documents(job.name)]
        shaken.arm("worker.settle.after", f"delay 0 {EXTRACT}")
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert await shaken.taken("worker.settle.after") == stopped
    await shaken.judge(job, papers)
    assert results == [(d.uri, d.extraction.sha256) async for d in shaken.client.documents(job.name)]


async def test_fault_16_a_message_delivered_again_while_it_runs(shaken: ShakenMesh) -> None:
    """What a visibility timeout shorter than the task does: the second delivery finds its steps taken."""
    papers = shaken.papers("fault-16", COUNT)
    shaken.arm("worker.step.begun", f"delay 3 {EXTRACT}")
    job = await shaken.client.submit(papers.spec)
    await shaken.taken("worker.step.begun")
    with shaken.broker() as store:
        message, keys = _in_hand(store, job.name)
    publisher = CeleryPublisher("extract", shaken.mesh.layout.state_url)
    headers = {HEADER_TENANT: "default", HEADER_JOB: job.name.partition("/")[2]}
    await publisher.publish(Message(message, "default", headers[HEADER_JOB], "", keys, 0), headers, 60.0)
    await publisher.close()
    found = await shaken.judge(await _ended(shaken, job), papers)
    assert found.runs_again == 0


def _in_hand(store: redis.Redis, job: str) -> tuple[str, tuple[str, ...]]:
    """Find a message of the job that a worker runs."""
    messages: dict[str, list[str]] = {}
    for key in store.scan_iter("{collatio:extract}:step:*", count=1000):
        state, message, owner = (v.decode() if v else "" for v in store.hmget(key, "s", "x", "j"))
        if state == "RUNNING" and owner == job.partition("/")[2]:
            messages.setdefault(message, []).append(key.decode().rpartition(":")[2])
    message, keys = next(iter(messages.items()))
    return message, tuple(keys)


async def test_fault_17_a_worker_told_to_stop_in_a_deployment(shaken: ShakenMesh) -> None:
    """What it cannot finish goes back to the queue, and no attempt is charged to anybody."""
    papers = shaken.papers("fault-17", COUNT)
    before = shaken.mesh.pid("extract-work")
    shaken.arm("worker.step.begun", f"delay 1 {EXTRACT} after=1")
    job = await shaken.client.submit(papers.spec)
    await shaken.taken("worker.step.begun")
    os.kill(before, signal.SIGTERM)
    job = await _ended(shaken, job)
    await shaken.judge(job, papers)
    assert shaken.mesh.pid("extract-work") != before
    steps = shaken.steps(job, "extract")
    assert [shaken.field_sum("extract", steps, name) for name in ("ai", "ad")] == [0, 0]


async def test_fault_18_a_cancellation_while_workers_are_down(shaken: ShakenMesh) -> None:
    """CANCELLED outlasts gateway and broker; a commit that comes late fills the cache, never the job's journal."""
    papers = shaken.papers("fault-18", COUNT)
    shaken.arm("worker.settle.before", f"stop {EXTRACT}")
    job = await shaken.client.submit(papers.spec)
    stopped = await shaken.taken("worker.settle.before")
    with frozen([shaken.mesh.pid("extract-work")]):
        await shaken.client.cancel(job.name)
        job = await _ended(shaken, job)
        assert job.state == JobState.JOB_STATE_CANCELLED
        journal = await told_again(shaken.mesh.target, job.name)
        await asyncio.gather(shaken.mesh.kill("gateway"), shaken.mesh.kill(BROKER))
        os.kill(stopped, signal.SIGCONT)
    await shaken.mesh.whole()
    again = await shaken.client.job(job.name)
    assert (again.state, again.sequence) == (job.state, job.sequence)
    assert await told_again(shaken.mesh.target, job.name) == journal
    anew = await _ended(shaken, await shaken.client.submit(papers.spec))
    assert anew.state == JobState.JOB_STATE_SUCCEEDED


async def test_fault_20_one_request_fifty_times_at_once(shaken: ShakenMesh) -> None:
    """Fifty identical requests make one job."""
    papers = shaken.papers("fault-20", 4)
    request = str(uuid.uuid4())
    asked = [shaken.client.submit(papers.spec, request_id=request) for _ in range(50)]
    (name,) = {job.name for job in await asyncio.gather(*asked)}
    assert [job.name async for job in shaken.client.jobs()].count(name) == 1
    await shaken.judge(await _ended(shaken, await shaken.client.job(name)), papers)


async def _ended(shaken: ShakenMesh, job: Job) -> Job:
    async with asyncio.timeout(END_S):
        return await shaken.client.wait(job.name)
