"""A retry does again what it is to do again, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.blobs.digest import BlobId
from collatio.v1 import common_pb2 as common
from collatio.v1 import fetch_pb2 as fetch
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Finish, Held
from gateway.journal.record import JobRef
from gateway.run.documents import Documents
from gateway.run.keeping import keep
from gateway.run.writer import Writer
from tests.unit.gateway.bench import make_job, spec_of

if TYPE_CHECKING:
    from tests.unit.gateway.bench import Bench

FIRST, AGAIN = JobRef("default", "job-1"), JobRef("default", "job-2")
EXTRACTED, FAILED = pb.DOCUMENT_STATE_EXTRACTED, pb.DOCUMENT_STATE_FAILED
MIXED = ("many:4", "fails:SOURCE_NOT_FOUND", "one:corrupt", "one:box-2")


async def retry(bench: Bench, *uris: str, stage: int = 0, mended: bool = True) -> pb.Job:
    """Run a job to its end, then a retry of it; returns the retry's end."""
    spec = spec_of(*uris, compared=True)
    await bench.run(spec)
    bench.scripted.asked.clear()
    bench.scripted.script.mended = mended
    bench.clock.pass_ms(1_000)
    ref = await make_job(bench.journal, "job-2", spec, retry_of=FIRST.name, retry_stage=stage)
    return (await bench.watch(ref))[-1].snapshot


def asked(bench: Bench, stage: str) -> int:
    """Count what a stage was asked for."""
    return sum(count for (name, _), count in bench.scripted.asked.items() if name == stage)


async def test_failed_documents_alone_are_done_again(bench: Bench) -> None:
    """What succeeded is kept, as reused; what failed is fetched and extracted anew, and every pair compared."""
    job = await retry(bench, *MIXED)
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert (job.documents.found, job.documents.extracted, job.documents.failed) == (9, 9, 0)
    assert job.documents.extract_reused == 7
    assert job.documents.listing_done
    assert asked(bench, "fetch") == 2
    assert asked(bench, "extract") == 3  # the two, and the container whose members may have changed
    now, before = await bench.documents(AGAIN), {d.uri: d for d in await bench.documents(FIRST)}
    assert {d.uri: d.document_id for d in now} == {uri: d.document_id for uri, d in before.items()}
    assert {d.relative_path for d in before.values() if d.relative_path} <= {d.relative_path for d in now}


async def test_a_retry_has_failures_reopened_and_outcomes_kept(bench: Bench) -> None:
    """The stages are told from when on a failure counts: what they remember from before is tried again."""
    job = await retry(bench, *MIXED)
    for stage in ("extract", "compare"):
        first = bench.scripted.firsts[stage]
        assert first.reopen_failed_before == job.create_time
        assert not first.HasField("redo_before")


async def test_what_fails_again_is_told_again(bench: Bench) -> None:
    """A retry that mends nothing ends as the first job did."""
    job = await retry(bench, *MIXED, mended=False)
    assert (job.documents.found, job.documents.extracted, job.documents.failed) == (9, 7, 2)


@pytest.mark.parametrize(
    ("stage", "fetched", "extracted", "redone", "failed"),
    [
        (common.STAGE_FETCH, 4, 7, ("extract", "compare"), 0),
        (common.STAGE_EXTRACT, 0, 6, ("extract", "compare"), 1),
        (common.STAGE_COMPARE, 0, 1, ("compare",), 2),
    ],
)
async def test_a_stage_and_those_after_it_are_done_again(
    bench: Bench, *, stage: int, fetched: int, extracted: int, redone: tuple[str, ...], failed: int
) -> None:
    """What the stages before it reached is kept, its failures too; outcomes known from before do not count."""
    job = await retry(bench, *MIXED, stage=stage)
    assert job.state == pb.JOB_STATE_SUCCEEDED
    assert (job.documents.found, job.documents.failed) == (9, failed)
    assert (asked(bench, "fetch"), asked(bench, "extract")) == (fetched, extracted)
    for name in ("extract", "compare"):
        told = bench.scripted.firsts[name].redo_before
        assert told.ToMilliseconds() == (job.create_time.ToMilliseconds() if name in redone else 0)


async def test_a_job_that_is_no_retry_takes_what_is_known(bench: Bench) -> None:
    """Nothing is reopened and nothing done again for it."""
    await bench.run(spec_of("one:a", "one:b", compared=True))
    first = bench.scripted.firsts["extract"]
    assert not first.HasField("reopen_failed_before")
    assert not first.HasField("redo_before")


async def test_without_the_ended_job_everything_is_done_again(bench: Bench) -> None:
    """It may be deleted before its retry begins."""
    spec = spec_of("many:3", compared=True)
    bench.keeper()
    ref = await make_job(bench.journal, "job-2", spec, retry_of="jobs/gone")
    job = (await bench.watch(ref))[-1].snapshot
    assert (job.documents.extracted, job.documents.extract_reused) == (3, 0)


async def failed_job(bench: Bench, *documents: pb.JobDocument, listed: bool = True) -> None:
    """Journal an ended job with documents."""
    ref = await make_job(bench.journal, "job-1", spec_of("many:5", "one:a"))
    held = await bench.held()
    assert held.ref == ref
    counts = pb.DocumentCounts(listing_done=listed).SerializeToString()
    entries = Entries(fields={"documents": counts}, documents={d.document_id: d for d in documents})
    await bench.journal.write(held, entries, Finish("FAILED", 3_600_000, pb.JobEvent()))


def lost(name: str, *, path: str = "", timed: bool = True) -> pb.JobDocument:
    """Make a document that could not be fetched."""
    made = pb.JobDocument(document_id=name, uri=f"file:///{name}", relative_path=path, state=FAILED)
    made.error.reason = "SOURCE_TIMEOUT"
    if timed:
        made.fetch_timing.attempt = 1
    return made


async def kept(bench: Bench) -> tuple[list[fetch.FetchItem], Documents]:
    """Keep what a retry of the failed job keeps; returns what it asks for."""
    ref = await make_job(bench.journal, "job-2", spec_of("many:5", "one:a"), retry_of=FIRST.name)
    held = await bench.held()
    documents = Documents()
    writer = Writer(bench.journal, held, documents, bench.clock)
    record = await bench.journal.read(ref)
    asks = await keep(bench.deps, record, record.spec.sources, documents, writer)
    again = await keep(bench.deps, await bench.journal.read(ref), record.spec.sources, documents, writer)
    assert asks == again, "a gateway that takes over asks for the same"
    return [fetch.FetchItem(item_id=a.item_id, source=a.source) for a in asks], documents


async def test_a_document_of_a_folder_is_fetched_alone(bench: Bench) -> None:
    """Its source is not listed again."""
    await failed_job(bench, lost("a.txt", path="x/a.txt"))
    asks, _ = await kept(bench)
    assert [(a.item_id, a.source.uri) for a in asks] == [("0:0", "file:///a.txt")]


async def test_a_source_that_was_not_listed_is_listed_again_whole(bench: Bench) -> None:
    """And nothing of it is asked for beside."""
    await failed_job(bench, lost("a.txt", path="x/a.txt"), lost("x/y", path="x/y", timed=False))
    asks, _ = await kept(bench)
    assert [(a.item_id, a.source.uri) for a in asks] == [("0", "many:5")]


async def test_a_job_that_ended_early_goes_on(bench: Bench) -> None:
    """What it had found is kept, as far as it had come, and its sources are listed again to find the rest."""
    found = pb.JobDocument(document_id="b", uri="file:///b", state=pb.DOCUMENT_STATE_FETCHED)
    found.blob.sha256 = "0" * 64
    await failed_job(bench, found, listed=False)
    asks, documents = await kept(bench)
    assert [a.item_id for a in asks] == ["0", "1"]
    assert [d.state for d in documents] == [pb.DOCUMENT_STATE_FETCHED]


async def test_a_lost_note_has_every_source_asked(bench: Bench) -> None:
    """The blob that says what to fetch again may be gone when another gateway takes over."""
    await failed_job(bench, lost("a.txt", path="x/a.txt"))
    await kept(bench)
    record = await bench.journal.read(AGAIN)
    bench.scripted.blobs.path(BlobId("default", record.kept)).unlink()  # type: ignore[attr-defined] # it is a folder
    writer = Writer(bench.journal, Held(AGAIN, record.epoch), Documents(), bench.clock)
    asks = await keep(bench.deps, record, record.spec.sources, Documents(), writer)
    assert [a.item_id for a in asks] == ["0", "1"]
