"""A job's way through the stages, from the journal's QUEUED to its honest end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.status import to_grpc
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.inline import store_inline
from gateway.journal.record import JobRef
from tests.unit.gateway.bench import make_job, spec_of

if TYPE_CHECKING:
    from tests.unit.gateway.bench import Bench

REF = JobRef("default", "job-1")
EXTRACTED, FAILED = pb.DOCUMENT_STATE_EXTRACTED, pb.DOCUMENT_STATE_FAILED


def pairs_of(n: int) -> int:
    """Count the pairs of n documents."""
    return n * (n - 1) // 2


async def test_documents_are_fetched_extracted_and_compared(bench: Bench) -> None:
    """Every document and every pair is accounted for, and each was asked for once."""
    job = await bench.run(spec_of("many:30", "one:a", compared=True))
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert job.documents == pb.DocumentCounts(found=31, fetched=31, extracted=31, listing_done=True)
    assert job.comparisons == pb.ComparisonCounts(planned=pairs_of(31), compared=pairs_of(31))
    assert set(bench.scripted.asked.values()) == {1}
    assert set(bench.scripted.jobs) == {"jobs/job-1"}
    documents = await bench.documents(REF)
    assert Counter(d.state for d in documents) == {EXTRACTED: 31}
    assert all(bench.scripted.blobs.stat(BlobId("default", d.extraction.sha256)) for d in documents)


async def test_extraction_alone_compares_nothing(bench: Bench) -> None:
    """A job without a compare spec ends after extraction."""
    job = await bench.run(spec_of("many:3"))
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert not job.comparisons.planned
    assert not bench.scripted.streams["compare"]


async def test_events_tell_every_document_twice(bench: Bench) -> None:
    """Fetched, then extracted; the last event is the end, and there is no gap."""
    ref = await make_job(bench.journal, "job-1", spec_of("many:5", compared=True))
    bench.keeper()
    events = [e for e in await bench.watch(ref) if not e.HasField("snapshot")]
    assert [e.sequence for e in events] == list(range(1, len(events) + 1))
    told = Counter((e.document.document_id, e.document.state) for e in events if e.HasField("document"))
    assert len(told) == 10
    assert set(told.values()) == {1}
    assert events[0].state_change.state == pb.JOB_STATE_RUNNING
    assert events[-1].state_change.state == pb.JOB_STATE_SUCCEEDED
    assert [e.comparisons for e in events if e.HasField("comparisons")][-1].compared == pairs_of(5)
    assert [e.listing for e in events if e.HasField("listing")][-1] == pb.ListingProgress(
        sources_done=1, sources=1
    )


async def test_a_failed_document_fails_no_other(bench: Bench) -> None:
    """At fetch and at extract: each says why, the rest is done and compared."""
    job = await bench.run(spec_of("many:4", "fails:SOURCE_NOT_FOUND", "one:corrupt", compared=True))
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert (job.documents.found, job.documents.extracted, job.documents.failed) == (6, 4, 2)
    assert job.comparisons.compared == pairs_of(4)
    errors = {d.error.reason: d.error for d in await bench.documents(REF) if d.state == FAILED}
    assert set(errors) == {"SOURCE_NOT_FOUND", "DOCUMENT_CORRUPT"}
    assert errors["SOURCE_NOT_FOUND"].stage == common.STAGE_FETCH
    assert errors["DOCUMENT_CORRUPT"].stage == common.STAGE_EXTRACT


async def test_a_container_s_members_are_documents(bench: Bench) -> None:
    """They are found at its extraction, stand under it, and are compared in its place."""
    job = await bench.run(spec_of("one:box-3", "one:a", compared=True))
    assert job.documents.found == job.documents.extracted == 5
    assert job.comparisons.planned == pairs_of(4)
    documents = {d.uri: d for d in await bench.documents(REF)}
    member = documents["one:box-3!/1.txt"]
    assert (member.parent_id, member.member_path) == (documents["one:box-3"].document_id, "1.txt")
    assert documents["one:box-3"].member_count == 3


async def test_failing_fast_stops_the_rest(bench: Bench) -> None:
    """The first failure ends the job, and the stages are told to drop what is left."""
    bench.scripted.script.hold = {"extract"}
    spec = spec_of("many:50", "fails:SOURCE_NOT_FOUND", compared=True)
    spec.on_failure.fail_fast.SetInParent()
    job = await bench.run(spec)
    assert (job.state, job.error.reason) == (pb.JOB_STATE_FAILED, "DOCUMENT_FAILED")
    assert bench.scripted.cancelled["extract"] == 1
    assert not bench.scripted.streams["compare"]


async def test_too_many_documents_end_the_job(bench: Bench) -> None:
    """A folder larger than a job may be is told so, not half done."""
    job = await bench.run(spec_of("many:50"), documents_max=20)
    assert (job.state, job.error.reason) == (pb.JOB_STATE_FAILED, "TOO_MANY_DOCUMENTS")


async def test_a_missed_quorum_fails_the_job_and_keeps_its_documents(bench: Bench) -> None:
    """What succeeded is there, though the job did not."""
    spec = spec_of("one:a", "one:corrupt", compared=True)
    spec.on_failure.quorum.fraction = 0.9
    job = await bench.run(spec)
    assert (job.state, job.error.reason) == (pb.JOB_STATE_FAILED, "QUORUM_MISSED")
    assert job.documents.extracted == 1
    assert not bench.scripted.streams["compare"]


async def test_explicit_pairs_of_failed_documents_are_failed_comparisons(bench: Bench) -> None:
    """The stage is asked for the other pairs; all are counted."""
    spec = spec_of("one:a", "one:b", "one:corrupt")
    for left, right in (("one:a", "one:b"), ("one:a", "one:corrupt")):
        spec.compare.explicit.pairs.add(left=left, right=right)
    job = await bench.run(spec)
    assert job.comparisons == pb.ComparisonCounts(planned=2, compared=1, failed=1)
    assert [len(asked.explicit.pairs) for asked in bench.scripted.specs] == [1]
    (failed,) = (await bench.journal.tiles(REF))[-1].content
    assert (failed.comparison_id, failed.error.reason) == ("one:a..one:corrupt", "DOCUMENT_CORRUPT")


async def test_pairs_of_failed_documents_alone_ask_nothing(bench: Bench) -> None:
    """Where no pair is left to compare, the stage is left alone."""
    spec = spec_of("one:a", "one:corrupt")
    spec.compare.explicit.pairs.add(left="one:a", right="one:corrupt")
    job = await bench.run(spec)
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert job.comparisons == pb.ComparisonCounts(planned=1, failed=1)
    assert not bench.scripted.streams["compare"]


async def test_a_failed_tile_fails_its_pairs(bench: Bench) -> None:
    """The others are compared."""
    bench.scripted.script.tile_pairs, bench.scripted.script.failed_tiles = 2, {1}
    job = await bench.run(spec_of("many:4", compared=True))
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert job.comparisons == pb.ComparisonCounts(planned=6, compared=4, failed=2)


async def test_a_baseline_of_its_own_source_is_marked(bench: Bench) -> None:
    """It is fetched with the others, one past their sources."""
    spec = spec_of("one:a")
    spec.compare.baseline.source.uri = "one:base"
    job = await bench.run(spec)
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert {d.uri: (d.source, d.baseline) for d in await bench.documents(REF)} == {
        "one:a": (0, False),
        "one:base": (1, True),
    }


async def test_inline_documents_are_read_back(bench: Bench) -> None:
    """Their bytes go from the blob store to the stage, those of an empty one too."""
    spec = spec_of()
    spec.sources.add(inline=common.InlineDocument(data=b"hello", name="a.txt"))
    spec.sources.add(inline=common.InlineDocument(name="empty.txt"))
    job = await bench.run(await store_inline(bench.deps.blobs, "default", spec))
    assert (job.state, job.documents.extracted) == (pb.JOB_STATE_SUCCEEDED, 2)
    assert {d.uri for d in await bench.documents(REF)} == {"inline:a.txt", "inline:empty.txt"}


async def test_a_lost_inline_document_fails_alone(bench: Bench) -> None:
    """Bytes that are gone from the blob store are that document's failure; the job ends."""
    spec = spec_of("one:a")
    spec.sources.add(inline=common.InlineDocument(data=b"hello", name="a.txt"))
    kept = await store_inline(bench.deps.blobs, "default", spec)
    digest = kept.sources[1].inline.name.partition("/")[0]
    bench.scripted.blobs.path(BlobId("default", digest)).unlink()  # type: ignore[attr-defined] # it is a folder
    job = await bench.run(kept)
    assert (job.state, job.documents.extracted, job.documents.failed) == (pb.JOB_STATE_SUCCEEDED, 1, 1)
    assert [d.error.reason for d in await bench.documents(REF) if d.state == FAILED] == ["INPUT_LOST"]


async def test_what_a_plan_concluded_is_kept(bench: Bench) -> None:
    """Told in parts, it is stored whole, under its digest in the record."""
    bench.scripted.script.conclusion = True
    await bench.run(spec_of("many:3", compared=True))
    record = await bench.journal.read(REF)
    data = bench.deps.blobs.get(BlobId("default", record.conclusion))
    assert len(compare.CompareConclusion.FromString(data).clusters) == 3


@pytest.mark.parametrize("stage", ["fetch", "extract", "compare"])
@pytest.mark.parametrize("breaks", [[0], [1], [7, 3], [1, 1, 1]])
async def test_a_stream_that_breaks_is_resumed_without_repeats(
    bench: Bench, stage: str, breaks: list[int]
) -> None:
    """However often a stage's server goes away, each document and each pair is there once, and no event twice."""
    bench.scripted.script.breaks[stage] = breaks
    bench.scripted.script.tile_pairs = 5
    bench.scripted.script.conclusion = True
    ref = await make_job(bench.journal, "job-1", spec_of("many:8", "one:box-2", compared=True))
    bench.keeper()
    events = await bench.watch(ref)
    job = events[-1].snapshot
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert bench.scripted.streams[stage] == len(breaks) + 1
    assert job.documents == pb.DocumentCounts(found=11, fetched=11, extracted=11, listing_done=True)
    assert job.comparisons == pb.ComparisonCounts(planned=pairs_of(10), compared=pairs_of(10))
    documents = await bench.documents(ref)
    assert len({d.document_id for d in documents}) == len(documents) == 11
    told = Counter((e.document.document_id, e.document.state) for e in events if e.HasField("document"))
    assert set(told.values()) == {1}
    record = await bench.journal.read(ref)
    plan = compare.ComparePlan.FromString(bench.deps.blobs.get(BlobId("default", record.plan)))
    assert len(plan.documents) == 10
    concluded = bench.deps.blobs.get(BlobId("default", record.conclusion))
    assert len(compare.CompareConclusion.FromString(concluded).clusters) == 10


async def test_a_stage_s_refusal_is_the_job_s_end(bench: Bench) -> None:
    """TOO_MANY_PAIRS and its like fail the job with the stage's own sentence; extractions are kept."""
    bench.scripted.script.refuse["compare"] = to_grpc(CollatioError(Reason.TOO_MANY_PAIRS, "Six pairs."))
    job = await bench.run(spec_of("many:4", compared=True))
    assert job.state == pb.JOB_STATE_FAILED
    assert job.error == pb.JobError(reason="TOO_MANY_PAIRS", message="Six pairs.")
    assert job.documents.extracted == 4


async def test_a_full_stage_is_asked_again(bench: Bench) -> None:
    """A stream refused for want of room is no end."""
    bench.scripted.script.refuse["fetch"] = to_grpc(CollatioError(Reason.QUOTA_EXCEEDED))
    ref = await make_job(bench.journal, "job-1", spec_of("one:a"))
    bench.keeper()
    await bench.scripted.until(lambda: bench.scripted.streams["fetch"] == 2)
    bench.scripted.script.refuse.clear()
    assert (await bench.watch(ref))[-1].snapshot.state == pb.JOB_STATE_SUCCEEDED


@pytest.mark.parametrize("stage", ["fetch", "extract", "compare"])
async def test_cancelling_reaches_the_stages(bench: Bench, stage: str) -> None:
    """The stage at work is told to drop its work, and the job ends CANCELLED with what it had."""
    bench.scripted.script.hold = {stage}
    ref = await make_job(bench.journal, "job-1", spec_of("many:5", compared=True))
    bench.keeper()
    await bench.scripted.until(lambda: any(at == stage for at, _ in bench.scripted.asked))
    await bench.journal.cancel(ref, pb.JobEvent(state_change=pb.Job(state=pb.JOB_STATE_CANCELLING)))
    events = await bench.watch(ref)
    assert events[-1].snapshot.state == pb.JOB_STATE_CANCELLED
    assert events[-2].state_change.state == pb.JOB_STATE_CANCELLED
    assert bench.scripted.cancelled[stage] == 1
    assert len(await bench.documents(ref)) == (0 if stage == "fetch" else 5)


async def test_a_job_cancelled_before_it_began_asks_nothing(bench: Bench) -> None:
    """Whoever takes it ends it."""
    ref = await make_job(bench.journal, "job-1")
    await bench.journal.cancel(ref, pb.JobEvent())
    bench.keeper()
    assert (await bench.watch(ref))[-1].snapshot.state == pb.JOB_STATE_CANCELLED
    assert not bench.scripted.asked


async def test_a_job_out_of_time_ends(bench: Bench) -> None:
    """Its timeout counts from its acceptance; the stages are told to drop its work."""
    bench.scripted.script.hold = {"extract"}
    spec = spec_of("many:3")
    spec.timeout.FromMilliseconds(1_000)
    ref = await make_job(bench.journal, "job-1", spec)
    bench.clock.pass_ms(700)
    bench.keeper()
    job = (await bench.watch(ref))[-1].snapshot
    assert (job.state, job.error.reason) == (pb.JOB_STATE_FAILED, "JOB_DEADLINE_EXCEEDED")
    assert bench.scripted.cancelled["extract"] == 1


async def test_results_are_kept_as_long_as_asked(bench: Bench) -> None:
    """result_ttl counts from the end; seven days where it is not set."""
    spec = spec_of("one:a")
    spec.result_ttl.FromSeconds(60)
    job = await bench.run(spec)
    assert job.expire_time.ToMilliseconds() - job.end_time.ToMilliseconds() == 60_000
    ref = await make_job(bench.journal, "job-2", spec_of("one:b"))
    other = (await bench.watch(ref))[-1].snapshot
    assert other.expire_time.ToMilliseconds() - other.end_time.ToMilliseconds() == 7 * 24 * 3600 * 1000
