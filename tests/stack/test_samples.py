"""The main job, end to end: the samples fetched, extracted and compared, all pairs, over real processes."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from collatio.client import CompareSpec, ComparisonStatus, JobSpec, JobState, Source
from tests.support.jobs import FAILED, comparisons_of, documents_of, failures, run_job, told_again
from tests.support.places import SAMPLES

if TYPE_CHECKING:
    from collatio.client import Client, Comparison, Job
    from tests.support.running_mesh import RunningMesh

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

ALL = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
CORRUPT = SAMPLES / "contracts" / "service-agreement-v2-broken-upload.pdf"
GOOD = len(ALL) - 1
PAIRS = GOOD * (GOOD - 1) // 2


def all_pairs() -> JobSpec:
    """Make the demo's spec."""
    return JobSpec(sources=[Source(uri=f"{SAMPLES.as_uri()}/")], compare=CompareSpec())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def job(mesh: RunningMesh) -> Job:
    """The samples' job, ended."""
    async with mesh.client() as client:
        return await run_job(client, all_pairs())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def compared(mesh: RunningMesh, job: Job) -> dict[frozenset[str], Comparison]:
    """Its comparisons, by the names of their two files."""
    async with mesh.client() as client:
        found = await comparisons_of(client, job)
    return {frozenset(PurePosixPath(side.uri).name for side in (c.left, c.right)): c for c in found}


async def test_every_sample_is_accounted_for(job: Job, client: Client) -> None:
    """Fourteen documents are found, the broken upload fails with its reason, the others are extracted."""
    counts = job.documents
    assert job.state == JobState.JOB_STATE_SUCCEEDED
    assert (counts.found, counts.fetched, counts.extracted, counts.failed) == (14, 14, GOOD, 1)
    assert counts.listing_done
    documents = await documents_of(client, job)
    assert sorted(each.uri for each in documents) == [path.as_uri() for path in ALL]
    assert failures(documents) == {CORRUPT.as_uri(): "DOCUMENT_CORRUPT"}


async def test_every_pair_of_good_samples_is_compared(job: Job, client: Client) -> None:
    """Thirteen documents make 78 pairs, each once, and none is left out."""
    counts = job.comparisons
    assert (counts.planned, counts.compared, counts.not_comparable, counts.failed) == (PAIRS, PAIRS, 0, 0)
    found = await comparisons_of(client, job)
    assert len({frozenset((c.left.uri, c.right.uri)) for c in found}) == len(found) == PAIRS
    assert {c.status for c in found} == {ComparisonStatus.COMPARISON_STATUS_COMPARED}


async def test_equal_contracts_in_other_formats_are_alike(
    compared: dict[frozenset[str], Comparison],
) -> None:
    """The first version as DOCX, PDF and Markdown is one text, and nearer to itself than to the third."""
    alike = compared[frozenset({"service-agreement-v1.docx", "service-agreement-v1.pdf"})]
    assert alike.similarity.text >= 0.9
    assert alike.similarity.overall >= 0.9
    later = compared[frozenset({"service-agreement-v1.docx", "service-agreement-v3.html"})]
    assert later.similarity.overall < alike.similarity.overall
    assert later.counts.changes > 0


async def test_the_near_copy_is_found_and_its_edits_are_few(
    compared: dict[frozenset[str], Comparison],
) -> None:
    """The handbook's near-copy is almost the handbook, and unlike everything else."""
    copy, handbook = "travel-and-expenses-near-copy.md", "travel-and-expenses.md"
    near = compared[frozenset({copy, handbook})]
    assert 0.9 <= near.similarity.overall < 1
    assert 0 < near.counts.words_inserted + near.counts.words_deleted < near.counts.words_equal / 10
    others = [c for names, c in compared.items() if copy in names and handbook not in names]
    assert max(c.similarity.overall for c in others) < 0.2


async def test_a_comparison_says_what_changed_and_where(
    client: Client, job: Job, compared: dict[frozenset[str], Comparison]
) -> None:
    """Between two versions each change has its words and its place in both documents."""
    pair = compared[frozenset({"service-agreement-v1.pdf", "service-agreement-v2.pdf"})]
    whole = await client.comparison(job.name, pair.comparison_id)
    assert len(whole.changes) == whole.counts.changes > 0
    assert all(change.left_text or change.right_text for change in whole.changes)
    assert all(change.HasField("left") or change.HasField("right") for change in whole.changes)


async def test_an_extraction_can_be_read(client: Client, job: Job) -> None:
    """A document's text, tables and page count come through the gateway; a failed one has none to give."""
    documents = {PurePosixPath(each.uri).name: each for each in await documents_of(client, job)}
    invoice = documents["invoice-2025-0117.pdf"]
    extraction = await client.extraction(job.name, invoice.document_id)
    assert extraction.blocks
    assert len(extraction.tables) == invoice.summary.table_count > 0
    assert invoice.summary.page_count == 1
    assert documents[CORRUPT.name].state == FAILED
    assert not documents[CORRUPT.name].HasField("extraction")


async def test_the_history_has_no_gap(job: Job, mesh: RunningMesh) -> None:
    """Every event since the first can be read again, numbered one after the other."""
    told = await told_again(mesh.target, job.name)
    assert [event.sequence for event in told] == list(range(1, job.sequence + 1))


async def test_the_same_job_again_does_nothing_twice(job: Job, client: Client) -> None:
    """Asking twice is asking once: every fetch, extraction and comparison is known already."""
    again = await run_job(client, all_pairs())
    assert again.name != job.name
    assert again.documents.fetch_reused == again.documents.fetched == 14
    assert again.documents.extract_reused == again.documents.extracted == GOOD
    assert again.comparisons.reused == again.comparisons.compared == PAIRS
    first = {c.comparison_id: c.similarity for c in await comparisons_of(client, job)}
    assert {c.comparison_id: c.similarity for c in await comparisons_of(client, again)} == first


async def test_fifty_identical_requests_at_once_are_one_job(client: Client) -> None:
    """CreateJob may be called again with its request id, also while it runs: it is the same job."""
    request_id = "7f9c24e8-3b1a-4c1e-9d55-2f6a0b8c1d3e"
    made = await asyncio.gather(*(client.submit(all_pairs(), request_id=request_id) for _ in range(50)))
    (name,) = {each.name for each in made}
    assert (await client.wait(name)).state == JobState.JOB_STATE_SUCCEEDED


async def test_many_small_jobs_one_after_the_other_all_end(job: Job, client: Client) -> None:
    """No job hangs between its last result and its end, however the two fall together."""
    spec = JobSpec(sources=[Source(uri=path.as_uri()) for path in ALL[:3]], compare=CompareSpec())
    for _ in range(60):
        assert (await run_job(client, spec, within_s=10)).state == JobState.JOB_STATE_SUCCEEDED
