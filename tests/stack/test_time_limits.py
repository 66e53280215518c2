"""A document that takes longer than it may: what was read in time is the result, and no other job's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from collatio.client import JobSpec, JobState, Source
from tests.support.jobs import EXTRACTED, documents_of, run_job
from tests.support.papers import write_papers
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the sandbox has no limits to rely on"),
]

PAGES = 9_000
"""Each takes a millisecond or more to read, and its kilobyte of drawing is one and the same."""
TIMEOUT_S = 4


def long_pdf(pages: int) -> bytes:
    """Make a PDF of very many pages that share what is on them, so that making it takes no time."""
    line = "BT /F1 9 Tf 60 {} Td (Line {} of a page that speaks of deliveries, 1234.50 EUR each) Tj ET"
    drawn = "\n".join(line.format(780 - 14 * n, n) for n in range(50))
    kids = " ".join(f"{5 + n} 0 R" for n in range(pages))
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        *[page] * pages,
    ]
    body = "%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    return (
        f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    ).encode()


async def test_what_was_read_in_time_is_the_result_of_this_job_alone(tmp_path: Path) -> None:
    """The long document is done in part and warns of it; a second job reads it again, and what was whole not."""
    (paper,) = write_papers(tmp_path / "documents", 1, tag=str(tmp_path))
    (tmp_path / "documents" / "long.pdf").write_bytes(long_pdf(PAGES))
    spec = JobSpec(sources=[Source(uri=f"{tmp_path.as_uri()}/documents/")])
    environ = {"COLLATIO_DOCUMENT_TIMEOUT_S": str(TIMEOUT_S)}
    async with running_mesh([tmp_path], environ=environ) as mesh, mesh.client() as client:
        jobs = [await run_job(client, spec), await run_job(client, spec)]
        found = [
            {each.uri.rpartition("/")[2]: each for each in await documents_of(client, job)} for job in jobs
        ]
    assert [job.state for job in jobs] == [JobState.JOB_STATE_SUCCEEDED] * 2
    for documents in found:
        long = documents["long.pdf"]
        assert long.state == EXTRACTED
        assert "PARTIAL" in long.summary.warnings
        assert long.summary.page_count == PAGES
        assert 0 < long.summary.block_count < PAGES
    assert [documents[paper.name].extract_reused for documents in found] == [False, True]
    assert [documents["long.pdf"].extract_reused for documents in found] == [False, False]
