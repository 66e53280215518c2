"""CREATE: a job is accepted once, whoever asks however often."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from tests.unit.gateway.bench import START_MS, make_job, spec_of

if TYPE_CHECKING:
    from gateway.journal.journal import Journal

REQUEST = "8c0f0f6a-5a0c-4f5e-9d56-3c64c2a4a6a1"


async def test_a_job_is_journaled_as_queued(journal: Journal) -> None:
    """What was accepted can be read, with the time of the store."""
    ref = await make_job(journal, "job-1", spec_of("one:a"), trace="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    record = await journal.read(ref)
    assert (record.state, record.created_ms, record.sequence) == ("QUEUED", START_MS, 0)
    job = record.to_job()
    assert (job.name, job.trace_id, job.etag) == ("jobs/job-1", "1" * 32, "queued-0")
    assert [source.uri for source in job.spec.sources] == ["one:a"]


async def test_a_repeated_request_answers_its_job(journal: Journal) -> None:
    """The same id with the same body makes no second job."""
    first = await make_job(journal, "job-1", request_id=REQUEST, body="b")
    second = await make_job(journal, "job-2", request_id=REQUEST, body="b")
    assert second == first
    assert await journal.list_ids("default", None, 10) == [(START_MS, "job-1")]


async def test_fifty_at_once_make_one_job(journal: Journal) -> None:
    """Who comes first decides, in one script."""
    jobs = [make_job(journal, f"job-{n}", request_id=REQUEST, body="b") for n in range(50)]
    assert len(set(await asyncio.gather(*jobs))) == 1
    assert await journal.open_count() == 1


async def test_a_request_id_with_another_body_is_refused(journal: Journal) -> None:
    """A reused id is the caller's fault, and makes nothing."""
    await make_job(journal, "job-1", request_id=REQUEST, body="b")
    with pytest.raises(CollatioError) as caught:
        await make_job(journal, "job-2", request_id=REQUEST, body="c")
    assert caught.value.reason is Reason.REQUEST_ID_REUSED
    assert await journal.open_count() == 1


async def test_request_ids_belong_to_tenants(journal: Journal) -> None:
    """Another tenant's id is another id, and another tenant's job another job."""
    mine = await make_job(journal, "job-1", request_id=REQUEST, body="b")
    theirs = await make_job(journal, "job-1", request_id=REQUEST, body="c", tenant="other")
    assert mine != theirs
    assert (await journal.read(theirs)).ref.tenant == "other"


async def test_a_job_id_is_given_once(journal: Journal) -> None:
    """A chosen id that exists is ALREADY_EXISTS."""
    await make_job(journal, "job-1")
    with pytest.raises(CollatioError) as caught:
        await make_job(journal, "job-1", spec_of("one:b"))
    assert caught.value.reason is Reason.JOB_ALREADY_EXISTS


async def test_a_tenant_has_so_many_open_jobs(journal: Journal) -> None:
    """Past the bound a job is refused with a delay; a repeat of one that was accepted is answered."""
    first = await make_job(journal, "job-1", request_id=REQUEST, body="b", jobs_max=1)
    with pytest.raises(CollatioError) as caught:
        await make_job(journal, "job-2", jobs_max=1)
    assert (caught.value.reason, caught.value.retry_after_s) == (Reason.QUOTA_EXCEEDED, 5)
    assert await make_job(journal, "job-3", request_id=REQUEST, body="b", jobs_max=1) == first
    await make_job(journal, "job-1", jobs_max=1, tenant="other")


async def test_a_refusal_is_for_new_jobs_only(journal: Journal) -> None:
    """While no job is taken, a repeat still finds its own."""
    first = await make_job(journal, "job-1", request_id=REQUEST, body="b")
    refusal = CollatioError(Reason.STATE_STORE_FULL)
    assert await make_job(journal, "job-2", request_id=REQUEST, body="b", refusal=refusal) == first
    with pytest.raises(CollatioError) as caught:
        await make_job(journal, "job-2", refusal=refusal)
    assert caught.value is refusal
    assert await journal.open_count() == 1
