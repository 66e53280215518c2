"""A document that fails is data: it has its reason, and its neighbours are done."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from collatio.client import DocumentState, JobSpec, JobState, Source, Stage
from tests.support.jobs import documents_of, failures, run_job
from tests.support.papers import paper, write_papers
from tests.support.places import ROOT, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collatio.client import Client, JobDocument

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

INVOICE = SAMPLES / "invoices" / "invoice-2025-0117.pdf"


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A server on loopback that must never be reached."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def never_reached(canary: socket.socket) -> bool:
    """Tell whether nobody has knocked."""
    try:
        canary.accept()[0].close()
    except BlockingIOError:
        return True
    return False


async def by_uri(client: Client, uris: list[str]) -> dict[str, JobDocument]:
    """Run a job over sources that are not all good, and return its documents; good ones must be done."""
    job = await run_job(client, JobSpec(sources=[Source(uri=uri) for uri in uris]))
    assert job.state == JobState.JOB_STATE_SUCCEEDED, job.error
    documents = await documents_of(client, job)
    assert job.documents.found == len(documents)
    assert job.documents.failed == len(failures(documents))
    assert job.documents.extracted == len(documents) - len(failures(documents))
    return {each.uri: each for each in documents}


async def test_bad_paths_fail_alone(client: Client, tmp_path: Path) -> None:
    """A path that is absent, that is outside the roots or climbs out of them, or that is no file, says so."""
    good = write_papers(tmp_path / "good", 3, tag=str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "way-out.html").symlink_to(ROOT / "README.md")
    bad = {
        (tmp_path / "absent.pdf").as_uri(): "SOURCE_NOT_FOUND",
        (ROOT / "README.md").as_uri(): "PATH_OUTSIDE_ROOT",
        f"{SAMPLES.as_uri()}/../../README.md": "PATH_OUTSIDE_ROOT",
        f"{SAMPLES.as_uri()}/../../LICENSE": "PATH_OUTSIDE_ROOT",
        (tmp_path / "way-out.html").as_uri(): "PATH_OUTSIDE_ROOT",
        (tmp_path / "pipe").as_uri(): "SOURCE_NOT_A_FILE",
        "file:///proc/self/environ": "PATH_OUTSIDE_ROOT",
    }
    escaped = [uri.replace("/../../LICENSE", "/%2e%2e/%2E%2E/LICENSE") for uri in bad]
    found = await by_uri(client, [*(path.as_uri() for path in good), *escaped])
    assert failures(list(found.values())) == bad
    assert all(found[path.as_uri()].state == DocumentState.DOCUMENT_STATE_EXTRACTED for path in good)
    assert {each.error.stage for uri, each in found.items() if uri in bad} == {Stage.STAGE_FETCH}
    assert all(each.error.message for uri, each in found.items() if uri in bad)


async def test_a_file_without_permission_fails_alone(client: Client, tmp_path: Path) -> None:
    """What the fetch workers may not read is a failed document, named by itself and in a folder."""
    readable, inside = write_papers(tmp_path / "folder", 2, tag=str(tmp_path))
    (alone,) = write_papers(tmp_path / "alone", 1, tag=f"{tmp_path} alone")
    locked = [inside, alone]
    for path in locked:
        path.chmod(0)
    found = await by_uri(client, [f"{tmp_path.as_uri()}/folder/", alone.as_uri()])
    assert failures(list(found.values())) == {path.as_uri(): "SOURCE_PERMISSION_DENIED" for path in locked}
    assert found[readable.as_uri()].state == DocumentState.DOCUMENT_STATE_EXTRACTED


async def test_bad_addresses_fail_alone_and_reach_nobody(
    client: Client, tmp_path: Path, canary: socket.socket
) -> None:
    """Schemes nobody serves and addresses of this machine or its cloud are refused before any connection."""
    (good,) = write_papers(tmp_path / "good", 1, tag=str(tmp_path))
    port = canary.getsockname()[1]
    bad = {
        "ftp://ftp.example.org/a.pdf": "URI_SCHEME_UNSUPPORTED",
        "gopher://example.org/a": "URI_SCHEME_UNSUPPORTED",
        f"http://127.0.0.1:{port}/a.html": "URI_NOT_ALLOWED",
        f"http://localhost:{port}/a.html": "URI_NOT_ALLOWED",
        f"http://[::ffff:127.0.0.1]:{port}/a.html": "URI_NOT_ALLOWED",
        f"http://2130706433:{port}/a.html": "URI_NOT_ALLOWED",
        f"http://0x7f.1:{port}/a.html": "URI_NOT_ALLOWED",
        "http://169.254.169.254/latest/meta-data/": "URI_NOT_ALLOWED",
        "http://[fd00:ec2::254]/latest/meta-data/": "URI_NOT_ALLOWED",
    }
    found = await by_uri(client, [good.as_uri(), *bad])
    assert failures(list(found.values())) == bad
    assert found[good.as_uri()].state == DocumentState.DOCUMENT_STATE_EXTRACTED
    assert never_reached(canary)


async def test_an_empty_folder_alone_is_no_success(client: Client, tmp_path: Path) -> None:
    """There is nothing to have succeeded with: NO_DOCUMENTS."""
    (tmp_path / "empty").mkdir()
    job = await run_job(client, JobSpec(sources=[Source(uri=f"{tmp_path.as_uri()}/empty/")]))
    assert (job.state, job.error.reason) == (JobState.JOB_STATE_FAILED, "NO_DOCUMENTS")
    assert (job.documents.found, job.documents.listing_done) == (0, True)


async def test_globs_that_leave_nothing_are_no_success(client: Client, tmp_path: Path) -> None:
    """A folder whose every file is excluded is as good as empty."""
    write_papers(tmp_path / "folder", 2, tag=str(tmp_path))
    source = Source(uri=f"{tmp_path.as_uri()}/folder/", include=["**/*.pdf"])
    job = await run_job(client, JobSpec(sources=[source]))
    assert (job.state, job.error.reason) == (JobState.JOB_STATE_FAILED, "NO_DOCUMENTS")


async def test_a_job_of_failures_alone_says_their_reason(client: Client, tmp_path: Path) -> None:
    """When nothing succeeded the job has failed, with the one reason they share."""
    sources = [Source(uri=(tmp_path / name).as_uri()) for name in ("a.pdf", "b.pdf")]
    job = await run_job(client, JobSpec(sources=sources))
    assert (job.state, job.error.reason) == (JobState.JOB_STATE_FAILED, "SOURCE_NOT_FOUND")
    assert (job.documents.found, job.documents.failed) == (2, 2)


async def test_an_empty_file_is_warned_of(client: Client, tmp_path: Path) -> None:
    """No bytes are a document without content, not a failure."""
    empty = tmp_path / "nothing.pdf"
    empty.touch()
    (good,) = write_papers(tmp_path / "good", 1, tag=str(tmp_path))
    found = await by_uri(client, [empty.as_uri(), good.as_uri()])
    assert found[empty.as_uri()].state == DocumentState.DOCUMENT_STATE_EXTRACTED
    assert list(found[empty.as_uri()].summary.warnings) == ["EMPTY"]
    assert found[empty.as_uri()].blob.size_bytes == 0
    assert not found[good.as_uri()].summary.warnings


async def test_a_wrong_extension_is_read_by_content(client: Client, tmp_path: Path) -> None:
    """A PDF named .txt is a PDF, a web page named .pdf a web page."""
    disguised, page = tmp_path / "invoice.txt", tmp_path / "page.pdf"
    disguised.write_bytes(INVOICE.read_bytes())
    page.write_text(paper(str(tmp_path)), encoding="utf-8")
    found = await by_uri(client, [disguised.as_uri(), page.as_uri(), INVOICE.as_uri()])
    assert found[disguised.as_uri()].blob.media_type == "application/pdf"
    assert found[disguised.as_uri()].summary == found[INVOICE.as_uri()].summary
    assert found[page.as_uri()].blob.media_type == "text/html"


async def test_equal_bytes_at_two_places_are_two_documents(client: Client, tmp_path: Path) -> None:
    """Each place is accounted for, although the bytes are extracted once."""
    text = paper(str(tmp_path))
    for name in ("one.html", "two.html"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = await by_uri(client, [(tmp_path / name).as_uri() for name in ("one.html", "two.html")])
    one, two = found.values()
    assert one.document_id != two.document_id
    assert one.extraction.sha256 == two.extraction.sha256
