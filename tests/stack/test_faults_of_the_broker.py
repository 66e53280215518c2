"""Faults 8 to 13 and 19 of docs/reliability.md: the stores die, freeze, refuse or forget; seen from outside."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
import uuid
from typing import TYPE_CHECKING

import grpc.aio
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from collatio.client import JobState
from collatio.local.store import NAME as BROKER
from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc
from tests.support.processes import frozen
from tests.support.shaken_mesh import shaken_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from collatio.client import Job
    from tests.support.shaken_mesh import Papers, ShakenMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(
        sys.platform != "linux", reason="ties processes' lives, and reads /proc, as Linux does"
    ),
]

COUNT = 40
END_S = 60.0
SOCKET_TIMEOUT_S = 5.0
READY_S = 10.0
DEADLINE_S = 30.0


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _whole(shaken: ShakenMesh) -> None:
    """Begin each test with a mesh that is whole again, and nothing armed."""
    for path in shaken.points.iterdir():
        path.unlink()
    await shaken.mesh.whole()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fragile(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ShakenMesh]:
    """A mesh whose store forgets: no other test may share it."""
    async with shaken_mesh(tmp_path_factory.mktemp("fragile")) as mesh:
        yield mesh


class Refusal:
    """How a call was refused: its status, its reason, when to come back, and how long it took."""

    def __init__(self, error: grpc.aio.AioRpcError, took_s: float) -> None:
        self.code, self.took_s = error.code(), took_s
        status = rpc_status.from_call(error)
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail in status.details if status is not None else ():
            detail.Unpack(info)
            detail.Unpack(retry)
        self.reason, self.retry_after_s = info.reason, retry.retry_delay.ToTimedelta().total_seconds()


async def refusal_of(shaken: ShakenMesh, papers: Papers) -> Refusal:
    """Ask for a job as a caller would who mends nothing, and return how it was refused."""
    async with grpc.aio.insecure_channel(shaken.mesh.target) as channel:
        stub = gateway_pb2_grpc.JobServiceStub(channel)
        request = pb.CreateJobRequest(job=pb.Job(spec=papers.spec), request_id=str(uuid.uuid4()))
        began = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CreateJob(request, timeout=DEADLINE_S)
        return Refusal(caught.value, time.monotonic() - began)


def workers_of(shaken: ShakenMesh) -> list[int]:
    """List the stages' workers."""
    return [shaken.mesh.pid(f"{stage}-work") for stage in ("fetch", "extract", "compare")]


async def held(shaken: ShakenMesh, papers: Papers) -> Job:
    """Submit a job and hold it in the middle of its extractions for some seconds."""
    shaken.arm("worker.step.begun", "delay 4 in=extract_svc after=2")
    job = await shaken.client.submit(papers.spec)
    await shaken.taken("worker.step.begun")
    return job


async def ended(shaken: ShakenMesh, job: Job) -> Job:
    """Wait for a job's end."""
    async with asyncio.timeout(END_S):
        return await shaken.client.wait(job.name)


async def test_fault_8_the_broker_killed_five_times(shaken: ShakenMesh) -> None:
    """Nothing is lost; servers say NOT_SERVING while it is away, and are ready within 10 s of its return."""
    papers, workers = shaken.papers("fault-8", COUNT), workers_of(shaken)
    job = await held(shaken, papers)
    async with shaken.broker_away():
        await shaken.health(serving=False, within_s=READY_S)
        refused = await refusal_of(shaken, papers)
    await shaken.health(serving=True, within_s=READY_S)
    for _ in range(4):
        await shaken.mesh.settled(BROKER)
        await shaken.mesh.kill(BROKER)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "STATE_STORE_UNAVAILABLE")
    assert refused.retry_after_s > 0
    await shaken.judge(await ended(shaken, job), papers)
    await shaken.health(serving=True, within_s=READY_S)
    assert workers_of(shaken) == workers, "they wait for their broker"


async def test_fault_9_the_broker_frozen(shaken: ShakenMesh) -> None:
    """Connections stand but nothing answers: calls fail within two socket timeouts, watches go on afterwards."""
    papers, workers = shaken.papers("fault-9", COUNT), workers_of(shaken)
    job = await held(shaken, papers)
    with frozen([shaken.mesh.pid(BROKER)]):
        watching = asyncio.create_task(ended(shaken, job))
        refused = await refusal_of(shaken, papers)
        await shaken.health(serving=False, within_s=READY_S)
        async with shaken.mesh.client() as another:
            status = await another.mesh_status()
    await shaken.health(serving=True, within_s=READY_S)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "STATE_STORE_UNAVAILABLE")
    assert refused.took_s < 2 * SOCKET_TIMEOUT_S + 1
    assert refused.retry_after_s > 0
    assert len(status.stages) == 3, "the mesh tells of itself while its store is frozen"
    await shaken.judge(await watching, papers)
    assert workers_of(shaken) == workers, "they wait for their broker"


async def test_fault_10_the_broker_becomes_a_replica(shaken: ShakenMesh) -> None:
    """It answers and takes nothing: as when it is away; workers live on, and all resumes within 10 s."""
    papers, workers = shaken.papers("fault-10", COUNT), workers_of(shaken)
    job = await held(shaken, papers)
    shaken.order("REPLICAOF", "127.0.0.1", "1")
    try:
        refused = await refusal_of(shaken, papers)
        await shaken.health(serving=False, within_s=READY_S)
    finally:
        shaken.order("REPLICAOF", "NO", "ONE")
    await shaken.health(serving=True, within_s=READY_S)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "STATE_STORE_UNAVAILABLE")
    assert refused.took_s < 2 * SOCKET_TIMEOUT_S + 1
    await shaken.judge(await ended(shaken, job), papers)
    assert workers_of(shaken) == workers, "they wait for their broker"


async def test_fault_11_the_broker_is_full(shaken: ShakenMesh) -> None:
    """No further job is taken; those that run end once there is room again."""
    papers, workers = shaken.papers("fault-11", COUNT), workers_of(shaken)
    job = await held(shaken, papers)
    shaken.order("CONFIG", "SET", "maxmemory", "1mb")
    try:
        async with asyncio.timeout(READY_S):
            while (refused := await refusal_of(shaken, papers)).reason != "STATE_STORE_FULL":
                await asyncio.sleep(0.1)
    finally:
        shaken.order("CONFIG", "SET", "maxmemory", "0")
    assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.retry_after_s > 0
    await shaken.judge(await ended(shaken, job), papers)
    assert workers_of(shaken) == workers, "they wait for their broker"


async def test_fault_19_the_disk_of_the_blobs_is_full(shaken: ShakenMesh) -> None:
    """An upload that has no room is refused, and leaves no part of itself behind."""
    gateway = shaken.mesh.pid("gateway")
    blobs = shaken.mesh.mesh.data_dir / "blobs"
    before = sorted(path for path in blobs.rglob("*") if path.is_file())
    # A file may grow no further (EFBIG): to the store, a disk without room.
    limits = resource.prlimit(gateway, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    try:
        with pytest.raises(CollatioError) as caught:
            await shaken.client.upload(os.urandom(3 << 20))
    finally:
        resource.prlimit(gateway, resource.RLIMIT_FSIZE, limits)
    assert caught.value.reason is Reason.BLOB_STORE_FULL
    assert sorted(path for path in blobs.rglob("*") if path.is_file()) == before
    assert await shaken.client.upload(os.urandom(3 << 20))


async def test_fault_12_a_failover_loses_the_last_writes(fragile: ShakenMesh) -> None:
    """The replica that takes over lacks what had not reached it: the job is told so, and ends complete all the same."""
    papers = fragile.papers("fault-12", COUNT)
    (file,) = (fragile.mesh.mesh.data_dir / "valkey" / "appendonlydir").glob("*.incr.aof")
    fragile.arm("worker.step.begun", "delay 3 in=extract_svc after=2")
    job = await fragile.client.submit(papers.spec)
    await fragile.taken("worker.step.begun")
    known = file.stat().st_size
    async with asyncio.timeout(END_S):
        while (await fragile.client.job(job.name)).documents.extracted < COUNT // 2:
            await asyncio.sleep(0.05)
    async with fragile.broker_away():
        os.truncate(file, known)
    job = await ended(fragile, job)
    await fragile.judge(job, papers)
    log = (fragile.mesh.mesh.data_dir / "logs" / "gateway.log").read_text("utf-8")
    assert "the state store lost writes that it had acknowledged" in log


async def test_fault_13_the_broker_forgets_everything(fragile: ShakenMesh) -> None:
    """FLUSHALL under a running job: NOT_FOUND for whoever asks, never a false success; the next job runs."""
    job = await held(fragile, fragile.papers("fault-13", COUNT))
    watching = asyncio.create_task(ended(fragile, job))
    fragile.order("FLUSHALL")
    with pytest.raises(CollatioError) as told:
        await watching
    with pytest.raises(CollatioError) as asked:
        await fragile.client.job(job.name)
    assert {told.value.reason, asked.value.reason} == {Reason.JOB_NOT_FOUND}
    papers = fragile.papers("after", COUNT)
    again = await ended(fragile, await fragile.client.submit(papers.spec))
    assert (again.state, again.documents.extracted) == (JobState.JOB_STATE_SUCCEEDED, COUNT + 1)
