"""What each document is called."""

from __future__ import annotations

from collatio.cli.output.names import Names
from collatio.client.messages import BlobRef, ComparedDocument, Job, JobDocument, JobSpec, Source


def job_of(*sources: Source) -> Job:
    """Make a job with these sources."""
    return Job(spec=JobSpec(sources=sources))


def test_fetched_document_is_called_by_its_uri() -> None:
    """A key is for plans; a URI says where the document lies."""
    job = job_of(Source(uri="s3://b/", key="mine"))
    assert Names(job).uri(JobDocument(uri="s3://b/a", source=0)) == "s3://b/a"


def test_uploaded_document_is_called_by_its_key() -> None:
    """A digest tells a person nothing; without a key there is nothing better."""
    blob = BlobRef(sha256="00")
    names = Names(job_of(Source(blob=blob, key="d/a.txt"), Source(blob=blob)))
    assert names.uri(JobDocument(uri="blob:sha256:00", source=0)) == "d/a.txt"
    assert names.uri(JobDocument(uri="blob:sha256:00", source=1)) == "blob:sha256:00"


def test_baseline_s_own_source_is_one_past_the_others() -> None:
    """It is called by its key as the others are."""
    job = job_of(Source(uri="s3://b/"))
    job.spec.compare.baseline.source.CopyFrom(Source(blob=BlobRef(sha256="00"), key="base.txt"))
    assert Names(job).uri(JobDocument(uri="blob:sha256:00", source=1)) == "base.txt"
    assert Names(job).uri(JobDocument(uri="x:y", source=7)) == "x:y"


def test_members_are_called_by_their_container() -> None:
    """However deep, and however the mesh spells the inner path."""
    outer = JobDocument(document_id="o", uri="s3://b/a.zip")
    inner = JobDocument(document_id="i", uri="s3://b/a.zip", parent_id="o", member_path="b.zip")
    whole = JobDocument(uri="s3://b/a.zip", parent_id="i", member_path="b.zip!/c.txt")
    short = JobDocument(uri="s3://b/a.zip", parent_id="i", member_path="c.txt")
    names = Names(job_of(Source(uri="s3://b/")), [outer, inner])
    assert names.uri(inner) == "s3://b/a.zip!/b.zip"
    assert names.uri(whole) == names.uri(short) == "s3://b/a.zip!/b.zip!/c.txt"
    assert names.parent(inner) == "s3://b/a.zip"
    assert names.parent(outer) is None


def test_member_without_a_known_container_keeps_its_path() -> None:
    """A page that lacks the container still tells the members apart."""
    names = Names(job_of(Source(uri="s3://b/")))
    assert names.uri(JobDocument(uri="s3://b/a.zip", member_path="c")) == "s3://b/a.zip!/c"
    assert names.uri(JobDocument(uri="s3://b/a.zip!/c", member_path="c")) == "s3://b/a.zip!/c"


def test_sides_of_a_comparison_are_called_as_their_documents() -> None:
    """By their id where it is known, by what the comparison says where it is not."""
    document = JobDocument(document_id="a", uri="blob:sha256:00")
    names = Names(job_of(Source(blob=BlobRef(sha256="00"), key="d/a")), [document])
    assert names.compared(ComparedDocument(document_id="a", uri="blob:sha256:00")) == "d/a"
    assert names.compared(ComparedDocument(document_id="z", uri="u:z")) == "u:z"
