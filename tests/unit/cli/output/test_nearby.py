"""Extractions of a mesh on this machine are read where they lie; what is not there is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.cli.output.nearby import NearbyResults
from collatio.client.messages import (
    BlobRef,
    CompareConclusion,
    Comparison,
    ComparisonView,
    Extraction,
    JobDocument,
)
from collatio.runtime.blobs.digest import DEFAULT_TENANT, BlobId
from collatio.runtime.blobs.local import LocalBlobs
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


class Asked:
    """Results that say which extractions they were asked for."""

    def __init__(self, *documents: JobDocument) -> None:
        self._documents = documents
        self.extractions: list[str] = []

    async def documents(self, name: str) -> AsyncGenerator[JobDocument, None]:
        """Yield them."""
        for each in self._documents:
            yield each

    async def extraction(self, name: str, document_id: str) -> Extraction:
        """Note it; there is none."""
        self.extractions.append(document_id)
        raise CollatioError(Reason.DOCUMENT_NOT_FOUND)

    async def comparisons(
        self, name: str, view: ComparisonView.ValueType = ComparisonView.COMPARISON_VIEW_BASIC
    ) -> AsyncGenerator[Comparison, None]:
        """Yield one."""
        yield Comparison(comparison_id=f"{name} {view}")

    async def conclusion(self, name: str) -> CompareConclusion:
        """Give an empty one."""
        return CompareConclusion()


def document(document_id: str, sha256: str) -> JobDocument:
    """Make a document whose extraction has a digest."""
    return JobDocument(document_id=document_id, extraction=BlobRef(sha256=sha256))


async def listed(results: NearbyResults) -> list[str]:
    """List the documents, as whoever reads results does first."""
    return [each.document_id async for each in results.documents("jobs/a")]


async def test_an_extraction_that_lies_here_costs_no_call(tmp_path: Path) -> None:
    """What the blob store holds is what the mesh would have answered, and the mesh is not asked."""
    blobs = LocalBlobs(tmp_path)
    held = blobs.put(DEFAULT_TENANT, Extraction(media_type="text/plain").SerializeToString())
    asked = Asked(document("one", held))
    results = NearbyResults(asked, blobs)
    assert await listed(results) == ["one"]
    assert (await results.extraction("jobs/a", "one")).media_type == "text/plain"
    assert not asked.extractions


@pytest.mark.parametrize("lost", ["damaged", "removed"])
async def test_an_extraction_that_is_lost_here_is_asked_for(tmp_path: Path, lost: str) -> None:
    """A blob that is gone or damaged is no answer: the mesh's word is."""
    blobs = LocalBlobs(tmp_path)
    held = blobs.put(DEFAULT_TENANT, Extraction(media_type="text/plain").SerializeToString())
    place = blobs.path(BlobId(DEFAULT_TENANT, held))
    place.write_bytes(b"damaged") if lost == "damaged" else place.unlink()
    asked = Asked(document("one", held))
    results = NearbyResults(asked, blobs)
    await listed(results)
    with pytest.raises(CollatioError, match="DOCUMENT_NOT_FOUND"):
        await results.extraction("jobs/a", "one")
    assert asked.extractions == ["one"]


async def test_a_document_without_a_blob_is_asked_for(tmp_path: Path) -> None:
    """A document that names no extraction, or was never listed, is the mesh's to tell of."""
    asked = Asked(JobDocument(document_id="one"))
    results = NearbyResults(asked, LocalBlobs(tmp_path))
    await listed(results)
    for name in ("one", "two"):
        with pytest.raises(CollatioError):
            await results.extraction("jobs/a", name)
    assert asked.extractions == ["one", "two"]


async def test_everything_else_is_passed_on(tmp_path: Path) -> None:
    """Comparisons and conclusions are the mesh's."""
    results = NearbyResults(Asked(), LocalBlobs(tmp_path))
    view = ComparisonView.COMPARISON_VIEW_FULL
    assert [each.comparison_id async for each in results.comparisons("jobs/a", view)] == [f"jobs/a {view}"]
    assert await results.conclusion("jobs/a") == CompareConclusion()
