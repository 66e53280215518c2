"""A retry through a whole mesh: what the stages remember of a failure does not answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.client import AllPairsPlan, CompareSpec, JobSpec, JobState, Source, Stage
from collatio.runtime.errors import CollatioError, Reason
from tests.support.jobs import EXTRACTED, documents_of, failures, run_job
from tests.support.papers import write_papers
from tests.support.places import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from collatio.client import Client, Job

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

GOOD = 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good papers and one that is no document."""
    write_papers(tmp_path / "papers", GOOD, tag=str(tmp_path))
    (tmp_path / "papers" / "broken.pdf").write_bytes(b"%PDF-1.7\n" + str(tmp_path).encode())
    return tmp_path / "papers"


async def first_job(client: Client, folder: Path) -> Job:
    """Run the job that is retried."""
    spec = JobSpec(sources=[Source(uri=f"{folder.as_uri()}/")], compare=CompareSpec(all_pairs=AllPairsPlan()))
    job = await run_job(client, spec)
    assert (job.documents.extracted, job.documents.failed) == (GOOD, 1)
    return job


async def retried(client: Client, job: Job, stage: Stage.ValueType = Stage.STAGE_UNSPECIFIED) -> Job:
    """Retry a job and wait for the retry's end."""
    again = await client.retry(job.name, from_stage=stage)
    assert again.retry_of == job.name
    return await client.wait(again.name)


async def test_a_failure_is_tried_again_at_once(client: Client, folder: Path) -> None:
    """It is run anew, though it failed a moment ago and for good; the others are kept as they were."""
    job = await first_job(client, folder)
    again = await retried(client, job)
    assert (again.documents.extracted, again.documents.failed) == (GOOD, 1)
    assert again.documents.extract_reused == GOOD
    (failed,) = [d for d in await documents_of(client, again) if d.state != EXTRACTED]
    assert failed.extract_timing.start_time.ToNanoseconds() > job.end_time.ToNanoseconds()
    before = {d.document_id: d.extract_timing for d in await documents_of(client, job)}
    for document in await documents_of(client, again):
        assert (
            document is failed
            or document.state != EXTRACTED
            or (document.extract_timing == before[document.document_id])
        )


async def test_what_was_mended_at_its_source_succeeds(client: Client, folder: Path) -> None:
    """The failed document is fetched anew; its pairs are compared beside those that are known."""
    job = await first_job(client, folder)
    (folder / "broken.pdf").write_bytes((SAMPLES / "contracts" / "service-agreement-v1.pdf").read_bytes())
    again = await retried(client, job)
    assert not failures(await documents_of(client, again))
    assert again.state == JobState.JOB_STATE_SUCCEEDED
    assert again.comparisons.compared == again.comparisons.planned == GOOD * (GOOD + 1) // 2


async def test_a_stage_is_done_again_though_its_outcome_is_known(client: Client, folder: Path) -> None:
    """Every extraction is run anew, and gives the same."""
    job = await first_job(client, folder)
    again = await retried(client, job, Stage.STAGE_EXTRACT)
    assert again.documents.extract_reused == 0
    found = await documents_of(client, again)
    assert all(d.extract_timing.start_time.ToNanoseconds() > job.end_time.ToNanoseconds() for d in found)
    digests = {d.extraction.sha256 for d in await documents_of(client, job)}
    assert {d.extraction.sha256 for d in found} == digests


async def test_a_request_id_names_one_retry(client: Client, folder: Path) -> None:
    """The same id gives the same job; with another stage it is refused."""
    job = await first_job(client, folder)
    request_id = "0b9d7a1c-3f52-4f0b-9c1d-2f6f0c1d9e11"
    one = await client.retry(job.name, request_id=request_id)
    two = await client.retry(job.name, request_id=request_id)
    assert one.name == two.name
    with pytest.raises(CollatioError) as refused:
        await client.retry(job.name, request_id=request_id, from_stage=Stage.STAGE_COMPARE)
    assert refused.value.reason is Reason.REQUEST_ID_REUSED
