"""JobService over real connections: accepted once, listed whole, and honest about what it waits for."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.stage import TENANT_KEY
from collatio.runtime.rpc.status import from_rpc_error
from collatio.v1 import common_pb2 as common
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc
from gateway.journal.journal import Entries, Finish
from gateway.journal.record import JobRef
from tests.support.served_mesh import ServedMesh

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

ENDED = {pb.JOB_STATE_SUCCEEDED, pb.JOB_STATE_FAILED, pb.JOB_STATE_CANCELLED}


def jobs_of(served: ServedMesh) -> Any:
    """Make a stub of the gateway's jobs."""
    return gateway_pb2_grpc.JobServiceStub(served.channel())


def request_of(uri: str = "file:///a", request_id: str = "", **labels: str) -> pb.CreateJobRequest:
    """Make a request for a job of one source."""
    spec = pb.JobSpec(sources=[common.Source(uri=uri)], labels=labels)
    return pb.CreateJobRequest(job=pb.Job(spec=spec), request_id=request_id)


async def error_of(call: Awaitable[Any]) -> CollatioError:
    """Return the typed error a call fails with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)


async def end(served: ServedMesh, name: str) -> None:
    """End a job as a gateway does."""
    ref = JobRef("default", name.removeprefix("jobs/"))
    held = next(one for one in await served.journal.lease("test", 60_000, 1000) if one.ref == ref)
    await served.journal.write(held, Entries(), Finish("SUCCEEDED", 3_600_000, pb.JobEvent()))


async def test_fifty_identical_requests_at_once_make_one_job(served: ServedMesh) -> None:
    """All fifty are answered with the same job, whichever connection they come by."""
    request = request_of(request_id=str(uuid.uuid4()), team="a")
    stubs = [jobs_of(served) for _ in range(5)]
    jobs = await asyncio.gather(*(stubs[n % 5].CreateJob(request) for n in range(50)))
    assert len({job.name for job in jobs}) == 1
    assert len((await stubs[0].ListJobs(pb.ListJobsRequest())).jobs) == 1


async def test_a_request_id_names_one_body(served: ServedMesh) -> None:
    """Labels in another order are the same body; another label is another."""
    jobs = jobs_of(served)
    request_id = str(uuid.uuid4())
    first = await jobs.CreateJob(request_of(request_id=request_id, a="1", b="2"))
    assert (await jobs.CreateJob(request_of(request_id=request_id, b="2", a="1"))).name == first.name
    error = await error_of(jobs.CreateJob(request_of(request_id=request_id, a="1", b="3")))
    assert error.reason is Reason.REQUEST_ID_REUSED


async def test_a_body_is_what_it_says_however_it_is_encoded(served: ServedMesh) -> None:
    """Another order of fields and of a map's keys on the wire is the same body; another label is not."""
    request_id = str(uuid.uuid4())
    channel = served.channel()
    create: Any = channel.unary_unary(
        "/collatio.v1.JobService/CreateJob", response_deserializer=pb.Job.FromString
    )
    one, two = request_of(a="1"), request_of(b="2")
    del two.job.spec.sources[:]
    named = pb.CreateJobRequest(request_id=request_id).SerializeToString()
    parts = [one.SerializeToString(), two.SerializeToString(), named]
    first = await create(b"".join(parts))
    assert dict(first.spec.labels) == {"a": "1", "b": "2"}
    assert (await create(b"".join(reversed(parts)))).name == first.name
    assert (await error_of(create(parts[0] + named))).reason is Reason.REQUEST_ID_REUSED


async def test_a_thousand_jobs_are_listed_once_each_while_new_ones_arrive(
    state_url: str, tmp_path: Path
) -> None:
    """Newest first, in pages of 37; what arrives meanwhile disturbs no page."""
    async with ServedMesh(state_url, tmp_path, jobs_run=False, jobs_open_max=5_000) as served:
        jobs = jobs_of(served)
        made = []
        for _ in range(20):
            made += await asyncio.gather(*(jobs.CreateJob(request_of(team="a")) for _ in range(50)))
        listed: list[pb.Job] = []
        token = ""
        pages = 0
        while token or not pages:
            page = await jobs.ListJobs(pb.ListJobsRequest(page_size=37, page_token=token))
            listed += page.jobs
            token, pages = page.next_page_token, pages + 1
            await asyncio.gather(*(jobs.CreateJob(request_of(team="late")) for _ in range(3)))
        assert [len(listed), pages] == [1000, 28]
        assert {job.name for job in listed} == {job.name for job in made}
        times = [job.create_time.ToNanoseconds() for job in listed]
        assert times == sorted(times, reverse=True)
        filtered = pb.ListJobsRequest(page_size=1000, filter='labels.team = "late" AND state = QUEUED')
        late = await jobs.ListJobs(filtered)
        assert len(late.jobs) == 28 * 3
        # A filter that matches nothing still ends: pages may be empty, and the last has no token.
        empty = pb.ListJobsRequest(filter="labels.team = nobody")
        assert await jobs.ListJobs(empty) == pb.ListJobsResponse()


async def test_a_token_is_good_for_its_filter_alone(served: ServedMesh) -> None:
    """A page of another list is INVALID_PAGE_TOKEN, not a guess."""
    jobs = jobs_of(served)
    for _ in range(3):
        await jobs.CreateJob(request_of())
    token = (await jobs.ListJobs(pb.ListJobsRequest(page_size=1))).next_page_token
    error = await error_of(jobs.ListJobs(pb.ListJobsRequest(page_token=token, filter="state = QUEUED")))
    assert error.reason is Reason.INVALID_PAGE_TOKEN


async def test_large_jobs_make_short_pages(served: ServedMesh) -> None:
    """A page fits a message, whatever its jobs hold; none is left out."""
    jobs = jobs_of(served)
    names = set()
    for number in range(8):
        request = request_of(f"file:///{number}")
        for n in range(200):
            request.job.spec.sources.add(uri=f"file:///{n}/" + "x" * 4_000)
        names.add((await jobs.CreateJob(request)).name)
    listed: list[str] = []
    token = ""
    while token or not listed:
        page = await jobs.ListJobs(pb.ListJobsRequest(page_token=token))
        listed += [job.name for job in page.jobs]
        token = page.next_page_token
    assert sorted(listed) == sorted(names)


async def test_a_waiting_job_says_why_and_since_when(served: ServedMesh) -> None:
    """Nobody runs fetch's steps: the job says NO_WORKERS, not before it began."""
    jobs = jobs_of(served)
    job = await jobs.CreateJob(request_of())
    async with asyncio.timeout(20):
        while not job.waiting_reason:
            job = await jobs.GetJob(pb.GetJobRequest(name=job.name))
    assert job.state == pb.JOB_STATE_RUNNING
    assert job.waiting_reason == common.WAITING_REASON_NO_WORKERS
    assert job.waiting_since.ToNanoseconds() >= job.start_time.ToNanoseconds() > 0


async def test_cancelling_reaches_a_job_at_work(served: ServedMesh) -> None:
    """It ends CANCELLED, a second cancellation returns it, and its steps are wanted by nobody."""
    jobs = jobs_of(served)
    name = (await jobs.CreateJob(request_of())).name
    watch = jobs.WatchJob(pb.WatchJobRequest(name=name))
    async for event in watch:
        if event.state_change.state == pb.JOB_STATE_RUNNING:
            await jobs.CancelJob(pb.CancelJobRequest(name=name))
    job = await jobs.CancelJob(pb.CancelJobRequest(name=name))
    assert job.state == pb.JOB_STATE_CANCELLED
    assert await served.client.zcard("{collatio:fetch}:calls") == 0


async def test_the_wrong_moment_is_a_failed_precondition(state_url: str, tmp_path: Path) -> None:
    """Cancelling what has ended, deleting or retrying what has not, an old etag: each says so."""
    async with ServedMesh(state_url, tmp_path, jobs_run=False) as served:
        jobs = jobs_of(served)
        job = await jobs.CreateJob(request_of())
        delete, retry = pb.DeleteJobRequest(name=job.name), pb.RetryJobRequest(name=job.name)
        assert (await error_of(jobs.DeleteJob(delete))).reason is Reason.JOB_NOT_ENDED
        assert (await error_of(jobs.RetryJob(retry))).reason is Reason.JOB_NOT_ENDED
        await end(served, job.name)
        cancel = pb.CancelJobRequest(name=job.name)
        assert (await error_of(jobs.CancelJob(cancel))).reason is Reason.JOB_ALREADY_ENDED
        old = pb.DeleteJobRequest(name=job.name, etag="queued-7")
        assert (await error_of(jobs.DeleteJob(old))).reason is Reason.ETAG_MISMATCH
        odd = pb.DeleteJobRequest(name=job.name, etag="queued-²")
        assert (await error_of(jobs.DeleteJob(odd))).reason is Reason.INVALID_REQUEST
        job = await jobs.GetJob(pb.GetJobRequest(name=job.name))
        await jobs.DeleteJob(pb.DeleteJobRequest(name=job.name, etag=job.etag))
        gone = await error_of(jobs.GetJob(pb.GetJobRequest(name=job.name)))
        assert gone.reason is Reason.JOB_NOT_FOUND


async def test_retrying_makes_a_new_job_of_the_same_spec(state_url: str, tmp_path: Path) -> None:
    """Once a request id; inline documents and all, though their bytes have left the spec."""
    async with ServedMesh(state_url, tmp_path, jobs_run=False) as served:
        jobs = jobs_of(served)
        request = request_of(team="a")
        request.job.spec.sources.add(inline=common.InlineDocument(data=b"hello", name="a.txt"))
        job = await jobs.CreateJob(request)
        await end(served, job.name)
        retry = pb.RetryJobRequest(name=job.name, request_id=str(uuid.uuid4()))
        again = await asyncio.gather(*(jobs.RetryJob(retry) for _ in range(5)))
        assert len({one.name for one in again}) == 1
        assert (again[0].retry_of, again[0].spec) == (job.name, job.spec)
        kept = [
            (await served.journal.read(JobRef("default", one.removeprefix("jobs/")))).spec
            for one in (job.name, again[0].name)
        ]
        assert kept[0] == kept[1]
        other = pb.RetryJobRequest(name=again[0].name, request_id=retry.request_id)
        assert (await error_of(jobs.RetryJob(other))).reason is Reason.JOB_NOT_ENDED


async def test_an_expired_job_has_nothing_to_keep(state_url: str, tmp_path: Path) -> None:
    """Its record says EXPIRED, its results JOB_EXPIRED; it can be retried from the first stage on alone."""
    async with ServedMesh(state_url, tmp_path, jobs_run=False) as served:
        jobs = jobs_of(served)
        job = await jobs.CreateJob(request_of())
        (held,) = await served.journal.lease("test", 60_000, 1)
        await served.journal.write(held, Entries(), Finish("SUCCEEDED", 0, pb.JobEvent()))
        await served.journal.expire(3_600_000)
        assert (await jobs.GetJob(pb.GetJobRequest(name=job.name))).state == pb.JOB_STATE_EXPIRED
        for call in (
            jobs.ListJobDocuments(pb.ListJobDocumentsRequest(name=job.name)),
            jobs.RetryJob(pb.RetryJobRequest(name=job.name)),
            jobs.RetryJob(pb.RetryJobRequest(name=job.name, from_stage=common.STAGE_COMPARE)),
            anext(aiter(jobs.GetJobReport(pb.GetJobReportRequest(name=job.name)))),
        ):
            assert (await error_of(call)).reason is Reason.JOB_EXPIRED
        again = await jobs.RetryJob(pb.RetryJobRequest(name=job.name, from_stage=common.STAGE_FETCH))
        assert again.retry_of == job.name


async def test_another_tenant_s_job_is_absent(served: ServedMesh) -> None:
    """Neither read nor listed, and no different from one that never was."""
    jobs = jobs_of(served)
    name = (await jobs.CreateJob(request_of())).name
    theirs = ((TENANT_KEY, "other"),)
    error = await error_of(jobs.GetJob(pb.GetJobRequest(name=name), metadata=theirs))
    absent = await error_of(jobs.GetJob(pb.GetJobRequest(name="jobs/absent")))
    assert (error.reason, error.message.replace(name, "")) == (
        absent.reason,
        absent.message.replace("jobs/absent", ""),
    )
    assert not (await jobs.ListJobs(pb.ListJobsRequest(), metadata=theirs)).jobs


async def test_an_unknown_job_and_one_that_the_store_lost_are_told_apart(served: ServedMesh) -> None:
    """Both are JOB_NOT_FOUND; the second says that its store is gone, whichever method asks for it."""
    jobs = jobs_of(served)
    kept, deleted = [(await jobs.CreateJob(request_of())).name for _ in range(2)]
    await jobs.CancelJob(pb.CancelJobRequest(name=deleted))
    async with asyncio.timeout(20):
        async for _ in jobs.WatchJob(pb.WatchJobRequest(name=deleted)):
            pass
    await jobs.DeleteJob(pb.DeleteJobRequest(name=deleted))
    assert "cause" not in (await error_of(jobs.GetJob(pb.GetJobRequest(name=deleted)))).metadata
    await served.client.flushdb()
    for call in (
        jobs.GetJob(pb.GetJobRequest(name=kept)),
        jobs.CancelJob(pb.CancelJobRequest(name=kept)),
        jobs.DeleteJob(pb.DeleteJobRequest(name=kept)),
        jobs.ListJobDocuments(pb.ListJobDocumentsRequest(name=kept)),
    ):
        error = await error_of(call)
        assert (error.reason, error.metadata["cause"]) == (Reason.JOB_NOT_FOUND, "STORE_LOST")
    unknown = await error_of(jobs.GetJob(pb.GetJobRequest(name="jobs/absent")))
    assert (unknown.reason, unknown.metadata.get("cause")) == (Reason.JOB_NOT_FOUND, None)


async def test_a_store_without_room_refuses_new_jobs_alone(served: ServedMesh) -> None:
    """STATE_STORE_FULL with a delay from 85 % on; a repeat is answered, and what is there can be read."""
    jobs = jobs_of(served)
    request = request_of(request_id=str(uuid.uuid4()))
    name = (await jobs.CreateJob(request)).name
    used = int((await served.client.info("memory"))["used_memory"])
    await served.client.config_set("maxmemory", round(used / 0.9))
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    await jobs.CreateJob(request_of())
                except grpc.aio.AioRpcError as error:
                    refusal = from_rpc_error(error)
                    break
        assert (await jobs.CreateJob(request)).name == name
        assert (await jobs.GetJob(pb.GetJobRequest(name=name))).name == name
    finally:
        await served.client.config_set("maxmemory", "0")
    assert refusal.reason is Reason.STATE_STORE_FULL
    assert refusal.retry_after_s


async def test_secrets_do_not_come_back(served: ServedMesh) -> None:
    """Passwords are used, and never shown."""
    request = request_of()
    request.job.spec.extract.CopyFrom(extract.ExtractSpec(passwords=["open sesame"]))
    job = await jobs_of(served).CreateJob(request)
    assert "open sesame" not in str(job)
