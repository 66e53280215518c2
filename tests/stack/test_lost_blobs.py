"""Bytes that vanish from the blob store while a job runs: what was fetched is fetched again, what was derived is made again.

The stage that would read them is stopped until they are gone, so that it can only find them missing.
"""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from collatio.client import CompareSpec, JobSpec, JobState, Source
from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.blobs.local import LocalBlobs
from tests.support.jobs import EXTRACTED, comparisons_of, documents_of, failures, run_job, watching
from tests.support.papers import paper, write_papers

if TYPE_CHECKING:
    from pathlib import Path

    from collatio.client import BlobRef, Client
    from tests.support.running_mesh import RunningMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds pool children in /proc, which is Linux's"),
]

COUNT = 5


def path_of(mesh: RunningMesh, blob: BlobRef) -> Path:
    """Find a blob's file."""
    return LocalBlobs(mesh.mesh.data_dir / "blobs").path(BlobId("default", blob.sha256))


async def test_a_lost_input_is_fetched_again(mesh: RunningMesh, client: Client, tmp_path: Path) -> None:
    """Where the source still has it, the document is extracted as if nothing had been; where not, it fails alone."""
    papers = write_papers(tmp_path / "papers", COUNT, tag=str(tmp_path))
    spec = JobSpec(sources=[Source(uri=f"{papers[0].parent.as_uri()}/")])
    with mesh.stopped("extract-work"):
        async with watching(client, spec) as watched:
            await watched.until(lambda watched: len(watched.documents) == COUNT)
            for document in watched.documents.values():
                path_of(mesh, document.blob).unlink()
            papers[0].unlink()
            mesh.go_on("extract-work")
            job = await watched.end()
    assert (job.state, job.documents.extracted) == (JobState.JOB_STATE_SUCCEEDED, COUNT - 1)
    listed = await documents_of(client, job)
    assert failures(listed) == {papers[0].as_uri(): "SOURCE_NOT_FOUND"}
    assert all(path_of(mesh, each.blob).exists() for each in listed if each.state == EXTRACTED)


async def test_a_lost_extraction_is_made_again(mesh: RunningMesh, client: Client, tmp_path: Path) -> None:
    """One that is gone, one that is damaged, one whose input is gone as well and has changed: all pairs are compared."""
    papers = write_papers(tmp_path / "papers", COUNT, tag=str(tmp_path))
    spec = JobSpec(sources=[Source(uri=f"{papers[0].parent.as_uri()}/")], compare=CompareSpec())
    with mesh.stopped("compare-work"):
        async with watching(client, spec) as watched:
            await watched.until(lambda watched: watched.count(EXTRACTED) == COUNT)
            one, two, three, *_ = watched.documents.values()
            path_of(mesh, one.extraction).unlink()
            path_of(mesh, two.extraction).write_bytes(b"damaged")
            path_of(mesh, three.extraction).unlink()
            path_of(mesh, three.blob).unlink()
            (papers[0].parent / three.relative_path).write_text(paper("quite another"))
            mesh.go_on("compare-work")
            job = await watched.end()
    assert (job.state, job.documents.extracted) == (JobState.JOB_STATE_SUCCEEDED, COUNT)
    assert (job.comparisons.planned, job.comparisons.compared) == (10, 10)
    assert len(await comparisons_of(client, job)) == 10
    listed = {each.document_id: each for each in await documents_of(client, job)}
    assert len(listed) == COUNT
    assert listed[three.document_id].blob != three.blob
    assert all(listed[each.document_id].blob == each.blob for each in (one, two))


async def test_a_lost_member_is_unpacked_again(mesh: RunningMesh, client: Client, tmp_path: Path) -> None:
    """A member of an archive lies nowhere else: its archive is extracted again for it."""
    folder = tmp_path / "papers"
    folder.mkdir()
    with zipfile.ZipFile(folder / "papers.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"paper-{number}.html", paper(f"{tmp_path} {number}"))
    spec = JobSpec(sources=[Source(uri=f"{folder.as_uri()}/")])
    members = [each for each in await documents_of(client, await run_job(client, spec)) if each.member_path]
    assert len(members) == 3
    for member in members[:2]:
        path_of(mesh, member.blob).unlink()
        path_of(mesh, member.extraction).unlink()
    job = await run_job(client, spec)
    assert not failures(await documents_of(client, job))
    assert (job.state, job.documents.extracted) == (JobState.JOB_STATE_SUCCEEDED, 4)
    assert all(path_of(mesh, member.extraction).exists() for member in members)
