"""The client over a real connection: what it asks for, what it mends, and what it makes of errors."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from collatio.client import Client, ComparisonView, JobSpec, JobState, Source, Stage
from collatio.runtime.errors import CollatioError, Reason
from tests.wire.fake_gateway import FakeGateway, Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    """Run a gateway that keeps to its script."""
    async with FakeGateway() as running:
        yield running


async def no_sleep(_seconds: float) -> None:
    """Let the other side run, and no more."""
    await asyncio.sleep(0)


def client_of(*gateways: FakeGateway, **options: Any) -> Client:
    """Make a client that does not wait between tries."""
    return Client([each.target for each in gateways], sleep=no_sleep, **options)


def spec_of(folder: Path, texts: dict[str, str]) -> JobSpec:
    """Write documents and name their folder."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    spec = JobSpec(sources=[Source(uri=folder.as_uri() + "/")])
    spec.compare.all_pairs.SetInParent()
    return spec


TEXTS = {"a.txt": "one two three\n\nfour five", "b.txt": "one two\n\nsix", "c.txt": "one two three"}


async def test_job_is_submitted_and_waited_for(gateway: FakeGateway, tmp_path: Path) -> None:
    """A job goes in, and its end comes out."""
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        done = await client.wait(job.name)
    assert done.state == JobState.JOB_STATE_SUCCEEDED
    assert done.documents.extracted == 3


async def test_submit_sends_a_uuid4_of_its_own(gateway: FakeGateway, tmp_path: Path) -> None:
    """Every submission can be repeated safely without the caller's doing anything for it."""
    async with client_of(gateway) as client:
        await client.submit(spec_of(tmp_path, TEXTS))
        await client.submit(spec_of(tmp_path, TEXTS))
    assert len(gateway.jobs) == 2
    assert {uuid.UUID(each).version for each in gateway.requests} == {4}


async def test_broken_submit_makes_one_job(gateway: FakeGateway, tmp_path: Path) -> None:
    """A CreateJob whose answer is lost is asked again with the same request id."""
    gateway.script.create_breaks = [UNAVAILABLE] * 6
    async with client_of(gateway) as client:
        await client.mesh_status()  # the gateway is known to be there
        job = await client.submit(spec_of(tmp_path, TEXTS))
    assert gateway.calls["CreateJob"] == 7
    assert list(gateway.jobs) == [job.name]


async def test_chosen_ids_are_sent(gateway: FakeGateway, tmp_path: Path) -> None:
    """A caller may choose the job's id and repeat a request by its own id."""
    spec, mine = spec_of(tmp_path, TEXTS), str(uuid.uuid4())
    async with client_of(gateway) as client:
        first = await client.submit(spec, job_id="mine-1", request_id=mine)
        again = await client.submit(spec, job_id="mine-1", request_id=mine)
    assert (first.name, again.name) == ("jobs/mine-1", "jobs/mine-1")


async def test_watch_opens_itself_again_and_misses_nothing(gateway: FakeGateway, tmp_path: Path) -> None:
    """Through breaks of every kind each event arrives once, in order, and the ended job last."""
    gateway.script.watch_breaks = [
        (0, UNAVAILABLE),
        (3, UNAVAILABLE),
        (1, grpc.StatusCode.INTERNAL),
        (2, grpc.StatusCode.OK),
        (4, grpc.StatusCode.DEADLINE_EXCEEDED),
    ]
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        events = [event async for event in client.watch(job.name)]
    sequences = [each.sequence for each in events if each.WhichOneof("event") != "snapshot"]
    assert sequences == list(range(1, job.sequence + 1))
    assert events[-1].snapshot.state == JobState.JOB_STATE_SUCCEEDED
    assert [each.WhichOneof("event") for each in events].count("snapshot") == 2


async def test_watch_goes_on_from_the_sequence_it_is_given(gateway: FakeGateway, tmp_path: Path) -> None:
    """Who has seen some events asks for those after them."""
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        events = [event async for event in client.watch(job.name, after_sequence=job.sequence - 2)]
    assert [each.sequence for each in events if each.WhichOneof("event") != "snapshot"] == [
        job.sequence - 1,
        job.sequence,
    ]


async def test_watch_survives_the_loss_of_one_gateway_of_two(tmp_path: Path) -> None:
    """With two gateways behind one client, either may die during a watch."""
    script = Script(hold=True)
    async with FakeGateway(script) as first, FakeGateway(script) as second:
        second.jobs, second.requests = first.jobs, first.requests  # one journal
        async with client_of(first, second) as client:
            job = await client.submit(spec_of(tmp_path, TEXTS))
            async with aclosing(client.watch(job.name)) as events:
                await anext(events)
                watching, other = (first, second) if first.watched_after else (second, first)
                await watching.stop()
                stored = first.jobs[job.name]
                first.run(stored)
                stored.changed.set()
                rest = [event async for event in events]
        assert other.watched_after
    sequences = [each.sequence for each in rest if each.WhichOneof("event") != "snapshot"]
    assert sequences == list(range(1, stored.job.sequence + 1))


async def test_watch_survives_a_restart(gateway: FakeGateway, tmp_path: Path) -> None:
    """A gateway that is gone for a while is waited for."""
    gateway.script.hold = True
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            await gateway.start(gateway.port)
            gateway.run(gateway.jobs["jobs/fake-1"])
        await asyncio.sleep(0)

    async with Client(gateway.target, sleep=sleep) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        async with aclosing(client.watch(job.name)) as events:
            await anext(events)
            await gateway.stop()
            rest = [event async for event in events]
    assert waits
    assert rest[-1].snapshot.state == JobState.JOB_STATE_SUCCEEDED


async def test_heartbeats_are_yielded_only_on_request(gateway: FakeGateway, tmp_path: Path) -> None:
    """A heartbeat is not an event."""
    gateway.script.heartbeats = 2
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        without = [event.WhichOneof("event") async for event in client.watch(job.name)]
        with_them = [event.WhichOneof("event") async for event in client.watch(job.name, heartbeats=True)]
    assert "heartbeat" not in without
    assert with_them.count("heartbeat") == 2


async def test_documents_and_jobs_come_from_all_pages(gateway: FakeGateway, tmp_path: Path) -> None:
    """Paging is the client's business."""
    gateway.script.page = 2
    async with client_of(gateway) as client:
        names = [(await client.submit(spec_of(tmp_path, TEXTS))).name for _ in range(5)]
        documents = [each async for each in client.documents(names[0])]
        jobs = [each.name async for each in client.jobs()]
        running = [each async for each in client.jobs("state = RUNNING")]
    assert [each.relative_path for each in documents] == ["a.txt", "b.txt", "c.txt"]
    assert jobs == names[::-1]
    assert running == []


async def test_extraction_is_merged_from_its_parts(gateway: FakeGateway, tmp_path: Path) -> None:
    """A result larger than a message arrives whole, and once, though its stream broke."""
    gateway.script.part_breaks = [UNAVAILABLE]
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        first = await anext(client.documents(job.name))
        whole = await client.extraction(job.name, first.document_id)
    assert [block.text for block in whole.blocks] == ["one two three", "four five"]


async def test_conclusion_is_merged_from_its_parts(gateway: FakeGateway, tmp_path: Path) -> None:
    """Clusters of one part and families of the next are one conclusion."""
    async with client_of(gateway) as client:
        job = await client.wait((await client.submit(spec_of(tmp_path, TEXTS))).name)
        whole = await client.conclusion(job.name)
    assert len(whole.clusters) == len(whole.families) == 1
    assert whole.candidates == "exact"


async def test_comparisons_come_without_or_with_all_their_changes(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    """The full view holds every change, also those that did not fit a page."""
    gateway.script.changes_per_page = 1
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        basic = [each async for each in client.comparisons(job.name)]
        full = [each async for each in client.comparisons(job.name, ComparisonView.COMPARISON_VIEW_FULL)]
    assert [len(each.changes) for each in basic] == [0, 0, 0]
    assert [len(each.changes) for each in full] == [each.counts.changes for each in full]
    assert max(len(each.changes) for each in full) == 3
    assert gateway.calls["GetComparison"] == sum(each.counts.changes > 1 for each in full)


async def test_upload_of_known_bytes_sends_none(gateway: FakeGateway, tmp_path: Path) -> None:
    """The digest goes first; bytes that the mesh holds stay here."""
    content = bytes(range(256)) * 20_000
    file = tmp_path / "big.bin"
    file.write_bytes(content)
    async with client_of(gateway) as client:
        ref = await client.upload(file)
        again = await client.upload(content)
    assert ref == again
    assert ref.sha256 == hashlib.sha256(content).hexdigest()
    assert gateway.blobs[ref.sha256] == content
    assert gateway.received == [0, len(content), 0]


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 1024 * 1024, 1024 * 1024 + 1])
async def test_upload_of_any_size_arrives_whole(gateway: FakeGateway, size: int) -> None:
    """No size is special."""
    content = b"x" * size
    async with client_of(gateway) as client:
        ref = await client.upload(content)
        back = b"".join([chunk async for chunk in client.read_blob(ref.sha256)])
    assert ref.size_bytes == size
    assert back == content


async def test_known_upload_is_safe_while_chunks_are_on_their_way(gateway: FakeGateway) -> None:
    """An answer that crosses a chunk is still the answer."""
    content = b"y" * (64 * 1024)
    async with client_of(gateway) as client:
        refs = [await client.upload(content) for _ in range(100)]
    assert {ref.sha256 for ref in refs} == {hashlib.sha256(content).hexdigest()}


async def test_upload_of_a_missing_file_is_an_os_error(gateway: FakeGateway, tmp_path: Path) -> None:
    """A file of the caller's own is told of as Python tells of files."""
    async with client_of(gateway) as client:
        with pytest.raises(FileNotFoundError):
            await client.upload(tmp_path / "none")


async def test_read_blob_goes_on_where_it_broke(gateway: FakeGateway) -> None:
    """A range is read whole though its stream breaks, and not twice."""
    content = bytes(range(256)) * 20
    gateway.script.read_breaks = [UNAVAILABLE, grpc.StatusCode.INTERNAL]
    async with client_of(gateway) as client:
        ref = await client.upload(content)
        back = [chunk async for chunk in client.read_blob(ref.sha256, offset=100, limit=3000)]
    assert b"".join(back) == content[100:3100]


async def test_cancel_retry_delete(gateway: FakeGateway, tmp_path: Path) -> None:
    """A job's life can be steered."""
    gateway.script.hold = True
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        cancelled = await client.cancel(job.name)
        again = await client.retry(job.name, from_stage=Stage.STAGE_EXTRACT)
        await client.delete(job.name)
        with pytest.raises(CollatioError) as caught:
            await client.job(job.name)
    assert cancelled.state == JobState.JOB_STATE_CANCELLED
    assert again.retry_of == job.name
    assert caught.value.reason is Reason.JOB_NOT_FOUND


async def test_mesh_is_asked(gateway: FakeGateway) -> None:
    """Capabilities and state come as they are."""
    async with client_of(gateway) as client:
        assert (await client.capabilities()).schemes == ["file", "https"]
        assert len((await client.mesh_status()).stages) == 3


async def test_refusal_carries_reason_violations_and_trace(gateway: FakeGateway) -> None:
    """A bad request says which field is bad, in proto names."""
    async with client_of(gateway) as client:
        with pytest.raises(CollatioError) as caught:
            await client.submit(JobSpec())
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert [each.field for each in caught.value.violations] == ["job.spec.sources"]
    assert caught.value.metadata["trace_id"]


async def test_refusal_carries_the_delay(gateway: FakeGateway, tmp_path: Path) -> None:
    """A full mesh says when to come back, and is not pestered meanwhile."""
    gateway.script.refuse = CollatioError(Reason.BACKLOG_FULL, retry_after_s=2.5)
    async with client_of(gateway) as client:
        with pytest.raises(CollatioError) as caught:
            await client.submit(spec_of(tmp_path, TEXTS))
    assert (caught.value.reason, caught.value.retry_after_s) == (Reason.BACKLOG_FULL, 2.5)
    assert gateway.calls["CreateJob"] == 1


async def test_gateway_that_never_answered_is_told_at_once(gateway: FakeGateway) -> None:
    """Nobody is kept waiting for an address that is wrong."""
    await gateway.stop()
    async with client_of(gateway, patience_s=1e9) as client:
        with pytest.raises(CollatioError) as caught:
            await client.job("jobs/x")
        with pytest.raises(CollatioError):
            await anext(client.watch("jobs/x"))
    assert caught.value.metadata["gateway"] == gateway.target
    assert gateway.target in caught.value.message


async def test_patience_ends(gateway: FakeGateway) -> None:
    """A gateway that does not come back is given up after the time agreed."""
    clock = iter(range(0, 10_000, 10))
    async with client_of(gateway, patience_s=45.0, monotonic=lambda: float(next(clock))) as client:
        await client.mesh_status()
        await gateway.stop()
        with pytest.raises(CollatioError) as caught:
            await client.mesh_status()
    assert "no longer answers" in caught.value.message
    assert next(clock) >= 50


async def test_metadata_goes_with_every_call(gateway: FakeGateway, tmp_path: Path) -> None:
    """A caller's trace context reaches the gateway."""
    async with client_of(gateway, metadata=[("traceparent", "00-abc")]) as client:
        await client.submit(spec_of(tmp_path, TEXTS))
    assert ("traceparent", "00-abc") in gateway.metadata


async def test_leaving_a_watch_ends_it_on_the_server(gateway: FakeGateway, tmp_path: Path) -> None:
    """Nothing is left running for a reader who went away."""
    gateway.script.hold = True
    async with client_of(gateway) as client:
        job = await client.submit(spec_of(tmp_path, TEXTS))
        async with aclosing(client.watch(job.name)) as events:
            await anext(events)
        async with asyncio.timeout(5):
            await gateway.left.wait()
