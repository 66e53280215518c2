"""How a job ends when not all goes well: by its policy, its limits, or because it was asked to stop."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from collatio.client import (
    BaselinePlan,
    CompareSpec,
    ComparisonStatus,
    ExplicitPair,
    ExplicitPlan,
    FailurePolicy,
    JobSpec,
    JobState,
    Source,
    Stage,
)
from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import gateway_pb2 as pb
from tests.support.jobs import EXTRACTED, comparisons_of, documents_of, run_job, watching
from tests.support.papers import write_papers
from tests.support.running_mesh import LEASE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collatio.client import Client, MeshStatus
    from tests.support.running_mesh import RunningMesh
    from tests.support.site import Site

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

SUCCEEDED, FAILED = JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED
MANY = 1_000

# What nobody wants any more is left at its next renewal, a third of a lease; interest that merely lapses takes
# two leases, so a drain within this was told.
DRAINED_S = 1.75 * LEASE_S
LAPSED_S = 4 * LEASE_S


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    """Three good documents and one that is absent, each with a key."""
    good = write_papers(tmp_path / "good", 3, tag=str(tmp_path))
    named = dict(zip(("a", "b", "c", "absent"), [*good, tmp_path / "absent.html"], strict=True))
    return [Source(uri=path.as_uri(), key=key) for key, path in named.items()]


@pytest.fixture
def held(site: Site) -> Iterator[Site]:
    """The site, giving nothing until the test ends."""
    site.gate.close_from(0)
    yield site
    site.gate.open()


def idle(status: MeshStatus) -> bool:
    """Tell whether no stage has anything in hand or waiting."""
    return not any(stage.in_flight or stage.queue_depth for stage in status.stages)


async def test_best_effort_succeeds_with_failed_documents_counted(
    client: Client, sources: list[Source]
) -> None:
    """Without a policy a job succeeds if any document does."""
    job = await run_job(client, JobSpec(sources=sources))
    assert (job.state, job.documents.extracted, job.documents.failed) == (SUCCEEDED, 3, 1)


async def test_fail_fast_ends_with_the_first_failure(client: Client, mesh: RunningMesh, held: Site) -> None:
    """The job does not wait for documents slower than the one that failed, and leaves no work behind."""
    uris = [f"http://{held.host}/fail-fast/absent.html", *held.uris("fail-fast", 5)]
    policy = FailurePolicy(fail_fast=pb.FailFast())
    spec = JobSpec(sources=[Source(uri=uri) for uri in uris], on_failure=policy)
    job = await run_job(client, spec, within_s=10)
    assert (job.state, job.error.reason) == (FAILED, "DOCUMENT_FAILED")
    assert "SOURCE_NOT_FOUND" in job.error.message
    await mesh.status(idle, DRAINED_S)


@pytest.mark.parametrize(
    ("fraction", "state", "reason"), [(0.75, SUCCEEDED, ""), (0.76, FAILED, "QUORUM_MISSED")]
)
async def test_a_quorum_is_held_to_the_fraction(
    client: Client, sources: list[Source], fraction: float, state: JobState.ValueType, reason: str
) -> None:
    """Three of four make three quarters and no more; what succeeded is kept either way."""
    policy = FailurePolicy(quorum=pb.Quorum(fraction=fraction))
    job = await run_job(client, JobSpec(sources=sources, on_failure=policy))
    assert (job.state, job.error.reason) == (state, reason)
    assert job.documents.extracted == 3


@pytest.mark.parametrize("named", [True, False])
async def test_a_failed_baseline_fails_the_job(client: Client, sources: list[Source], named: bool) -> None:
    """Without its baseline nothing can be compared; the extractions are kept, the cause is told."""
    baseline = BaselinePlan(key="absent") if named else BaselinePlan(source=Source(uri=sources[3].uri))
    wanted = sources if named else sources[:3]
    job = await run_job(client, JobSpec(sources=wanted, compare=CompareSpec(baseline=baseline)))
    assert (job.state, job.error.reason) == (FAILED, "BASELINE_FAILED")
    assert "SOURCE_NOT_FOUND" in job.error.message
    assert (job.documents.found, job.documents.extracted) == (4, 3)
    assert job.comparisons.planned == 0


async def test_a_baseline_is_compared_with_each_of_the_others(client: Client, sources: list[Source]) -> None:
    """A baseline among the sources is not compared with itself."""
    compare = CompareSpec(baseline=BaselinePlan(key="a"))
    job = await run_job(client, JobSpec(sources=sources, compare=compare))
    assert (job.state, job.comparisons.planned, job.comparisons.compared) == (SUCCEEDED, 2, 2)
    found = await comparisons_of(client, job)
    assert {c.left.uri for c in found} == {sources[0].uri}
    assert {c.right.uri for c in found} == {source.uri for source in sources[1:3]}


async def test_explicit_pairs_with_a_failed_document_fail_alone(
    client: Client, sources: list[Source]
) -> None:
    """A pair whose document failed is a failed pair with that document's reason; the others are compared."""
    pairs = [ExplicitPair(left="a", right="b"), ExplicitPair(left="absent", right="c")]
    compare = CompareSpec(explicit=ExplicitPlan(pairs=pairs))
    job = await run_job(client, JobSpec(sources=sources, compare=compare))
    counts = job.comparisons
    assert (job.state, counts.planned, counts.compared, counts.failed) == (SUCCEEDED, 2, 1, 1)
    by_status = {c.status: c for c in await comparisons_of(client, job)}
    failed = by_status[ComparisonStatus.COMPARISON_STATUS_FAILED]
    assert (failed.error.reason, failed.error.stage) == ("SOURCE_NOT_FOUND", Stage.STAGE_FETCH)
    done = by_status[ComparisonStatus.COMPARISON_STATUS_COMPARED]
    assert (done.left.uri, done.right.uri) == (sources[0].uri, sources[1].uri)


async def test_too_many_pairs_fail_the_job_and_keep_the_extractions(
    client: Client, sources: list[Source]
) -> None:
    """The plan is refused with the count; what was extracted can be read."""
    compare = CompareSpec(max_pairs=2)
    job = await run_job(client, JobSpec(sources=sources[:3], compare=compare))
    assert (job.state, job.error.reason) == (FAILED, "TOO_MANY_PAIRS")
    assert "3" in job.error.message
    assert job.documents.extracted == 3
    for document in await documents_of(client, job):
        assert (await client.extraction(job.name, document.document_id)).blocks
    assert not await comparisons_of(client, job)


async def test_time_that_runs_out_ends_the_job(client: Client, mesh: RunningMesh, held: Site) -> None:
    """A job past its timeout fails soon after, and what it had in hand is let go."""
    spec = JobSpec(sources=[Source(uri=uri) for uri in held.uris("timeout", 5)])
    spec.timeout.FromMilliseconds(1_000)
    job = await run_job(client, spec)
    assert (job.state, job.error.reason) == (FAILED, "JOB_DEADLINE_EXCEEDED")
    assert 1_000 <= job.end_time.ToMilliseconds() - job.create_time.ToMilliseconds() < 6_000
    await mesh.status(idle, DRAINED_S)


async def test_cancelling_reaches_queued_and_running_work(
    client: Client, mesh: RunningMesh, held: Site
) -> None:
    """A cancelled job ends at once; downloads in hand are stopped, waiting ones are dropped."""
    spec = JobSpec(sources=[Source(uri=uri) for uri in held.uris("cancel", MANY)])
    async with watching(client, spec) as watched:
        await mesh.status(lambda status: bool(status.stages[0].queue_depth and status.stages[0].in_flight))
        cancelled = await client.cancel(watched.name)
        assert cancelled.state == JobState.JOB_STATE_CANCELLING
        job = await watched.end(5)
    assert job.state == JobState.JOB_STATE_CANCELLED
    await mesh.status(idle, DRAINED_S)
    assert (await client.cancel(job.name)).state == JobState.JOB_STATE_CANCELLED


async def test_a_worker_is_free_again_after_a_cancel(
    client: Client, mesh: RunningMesh, held: Site, sources: list[Source]
) -> None:
    """A download that nobody wants any more does not keep the fetch worker from the next job."""
    spec = JobSpec(sources=[Source(uri=uri) for uri in held.uris("hanging", 40)])
    async with watching(client, spec) as watched:
        await mesh.status(lambda status: bool(status.stages[0].in_flight))
        await client.cancel(watched.name)
        await watched.end(5)
    job = await run_job(client, JobSpec(sources=sources[:3]), within_s=2 * LEASE_S)
    assert (job.state, job.documents.extracted) == (SUCCEEDED, 3)


async def test_cancelling_keeps_what_was_done(client: Client, site: Site) -> None:
    """Documents extracted before the cancel are still there and can be read."""
    site.gate.close_from(5)
    spec = JobSpec(sources=[Source(uri=uri) for uri in site.uris("half", 40)])
    try:
        async with watching(client, spec) as watched:
            await watched.until(lambda job: job.count(EXTRACTED) >= 1)
            await client.cancel(watched.name)
            job = await watched.end(5)
    finally:
        site.gate.open()
    assert job.state == JobState.JOB_STATE_CANCELLED
    done = [each for each in await documents_of(client, job) if each.state == EXTRACTED]
    assert len(done) == job.documents.extracted >= 1
    assert (await client.extraction(job.name, done[0].document_id)).blocks
    assert not job.documents.listing_done


async def test_cancelling_while_comparing_keeps_the_pairs_reached(
    client: Client, mesh: RunningMesh, tmp_path: Path
) -> None:
    """The job ends at once with what was compared; what was asked and not reached is not done for nobody."""
    write_papers(tmp_path / "many", 40, tag=str(tmp_path), paragraphs=60)
    spec = JobSpec(sources=[Source(uri=f"{tmp_path.as_uri()}/many/")], compare=CompareSpec())
    async with watching(client, spec) as watched:
        await watched.until(lambda job: job.comparisons.compared > 0)
        await client.cancel(watched.name)
        job = await watched.end(5)
    assert job.state == JobState.JOB_STATE_CANCELLED
    assert 0 < job.comparisons.compared < job.comparisons.planned == 780
    assert len(await comparisons_of(client, job)) == job.comparisons.compared
    await mesh.status(idle, LAPSED_S)


async def test_an_ended_job_cannot_be_cancelled(client: Client, sources: list[Source]) -> None:
    """Cancelling it is refused with a reason to branch on."""
    job = await run_job(client, JobSpec(sources=sources[:1]))
    with pytest.raises(CollatioError) as caught:
        await client.cancel(job.name)
    assert caught.value.reason is Reason.JOB_ALREADY_ENDED


async def test_a_large_job_of_known_documents_is_listed_whole(client: Client, tmp_path: Path) -> None:
    """When everything is known and all outcomes come at once, none is lost on the way into the journal."""
    write_papers(tmp_path / "many", 600, tag=str(tmp_path), paragraphs=1)
    spec = JobSpec(sources=[Source(uri=f"{tmp_path.as_uri()}/many/")])
    for _ in range(2):
        job = await run_job(client, spec)
        assert (job.state, job.documents.extracted) == (SUCCEEDED, 600)
        documents = await documents_of(client, job)
        assert len({PurePosixPath(each.uri).name for each in documents}) == len(documents) == 600
        assert {each.state for each in documents} == {EXTRACTED}
    assert job.documents.extract_reused == 600
