"""Reading a job's results: extractions and comparisons from the blob store, by the journal's references."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.rpc.parts import PART_BYTES, named_pairs, split, split_comparison
from collatio.runtime.rpc.stage import decode_offset, encode_offset, page_size
from collatio.v1 import compare_pb2, extract_pb2
from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from collatio.runtime.blobs.store import BlobStore
    from gateway.journal.journal import Journal
    from gateway.journal.record import JobRecord, JobRef

COMPARISONS_PAGE = 100
PAGE_BYTES = 3 << 20
INDEX_BITS = 20


class Results:
    """Reads results. Errors of every method: JOB_NOT_FOUND, JOB_EXPIRED."""

    def __init__(self, journal: Journal, blobs: BlobStore) -> None:
        self._journal, self._blobs = journal, blobs

    async def live(self, ref: JobRef) -> JobRecord:
        """Read a job whose results are still kept. Errors: JOB_NOT_FOUND, JOB_EXPIRED."""
        record = await self._journal.read(ref)
        if record.state == "EXPIRED":
            raise CollatioError(Reason.JOB_EXPIRED)
        return record

    async def extraction(self, ref: JobRef, document_id: str) -> AsyncIterator[extract_pb2.Extraction]:
        """Stream an extraction in parts. Errors: DOCUMENT_NOT_FOUND."""
        await self.live(ref)
        document = await self._journal.document(ref, document_id)
        if document is None or not document.HasField("extraction"):
            raise CollatioError(Reason.DOCUMENT_NOT_FOUND)
        data = await self._blob(ref, document.extraction.sha256)
        for part in split(extract_pb2.Extraction.FromString(data)):
            yield part

    async def comparison(self, ref: JobRef, comparison_id: str) -> AsyncIterator[compare_pb2.Comparison]:
        """Stream a comparison in parts. Errors: COMPARISON_NOT_FOUND."""
        record = await self.live(ref)
        plan = await self._plan(record)
        tiles = await self._journal.tiles(ref)
        ids = [document.document_id for document in plan.documents]
        for number, tile in tiles.items():
            planned = plan.tiles[number] if 0 <= number < len(plan.tiles) else compare_pb2.PlannedTile()
            named = (f"{ids[a]}..{ids[b]}" for a, b in zip(planned.left, planned.right, strict=True))
            if comparison_id in named or any(c.comparison_id == comparison_id for c in tile.content):
                for found in await self._tile(ref, plan, number, tile):
                    if found.comparison_id == comparison_id:
                        for part in split_comparison(found):
                            yield part
                        return
        raise CollatioError(Reason.COMPARISON_NOT_FOUND)

    async def conclusion(self, ref: JobRef) -> AsyncIterator[compare_pb2.CompareConclusion]:
        """Stream what the plan concluded, in parts; one empty part where it had nothing to say."""
        record = await self.live(ref)
        data = await self._blob(ref, record.conclusion) if record.conclusion else b""
        for part in split(compare_pb2.CompareConclusion.FromString(data)):
            yield part

    async def comparisons(
        self, ref: JobRef, request: pb.ListJobComparisonsRequest
    ) -> pb.ListJobComparisonsResponse:
        """Read a page of comparisons, in the order of the plan; a page is cut short where it grows large."""
        size = page_size(request.page_size, COMPARISONS_PAGE)
        if request.HasField("min_similarity") and not 0 <= request.min_similarity <= 1:
            raise invalid("min_similarity", "must be from 0 to 1")
        if request.view not in pb.ComparisonView.values():
            raise invalid("view", "is not a view")
        place = decode_offset(request.page_token)
        record = await self.live(ref)
        plan = await self._plan(record)
        tiles = sorted((await self._journal.tiles(ref)).items())
        page = pb.ListJobComparisonsResponse()
        room = PAGE_BYTES
        first, skip = place >> INDEX_BITS, place & ((1 << INDEX_BITS) - 1)
        for number, tile in tiles:
            if number + 1 < first:
                continue
            found = await self._tile(ref, plan, number, tile)
            for index, comparison in enumerate(found):
                if number + 1 == first and index < skip:
                    continue
                if not _wanted(comparison, request):
                    continue
                shown = _view(comparison, request.view)
                if len(page.comparisons) == size or (page.comparisons and shown.ByteSize() > room):
                    page.next_page_token = encode_offset(((number + 1) << INDEX_BITS) + index)
                    return page
                room -= shown.ByteSize()
                page.comparisons.append(shown)
        return page

    async def _plan(self, record: JobRecord) -> compare_pb2.ComparePlan:
        """Read a job's plan; an empty one before it is made."""
        if not record.plan:
            return compare_pb2.ComparePlan()
        return compare_pb2.ComparePlan.FromString(await self._blob(record.ref, record.plan))

    async def _tile(
        self, ref: JobRef, plan: compare_pb2.ComparePlan, number: int, tile: compare_pb2.CompareTile
    ) -> list[compare_pb2.Comparison]:
        """Read a tile's comparisons under this job's names; a failed tile's pairs are failed comparisons."""
        if tile.content:
            return list(tile.content)
        planned = plan.tiles[number]
        if tile.HasField("error"):
            return list(_failed(plan, planned, tile))
        data = await self._blob(ref, tile.comparisons.sha256)
        return list(named_pairs(compare_pb2.TileComparisons.FromString(data), plan, planned))

    async def _blob(self, ref: JobRef, sha256: str) -> bytes:
        return await asyncio.to_thread(self._blobs.get, BlobId(ref.tenant, sha256))


def _failed(
    plan: compare_pb2.ComparePlan, planned: compare_pb2.PlannedTile, tile: compare_pb2.CompareTile
) -> Iterator[compare_pb2.Comparison]:
    pairs = compare_pb2.TileComparisons()
    for _ in planned.left:
        pairs.comparisons.add(status=compare_pb2.COMPARISON_STATUS_FAILED, error=tile.error)
    return named_pairs(pairs, plan, planned)


def _wanted(comparison: compare_pb2.Comparison, request: pb.ListJobComparisonsRequest) -> bool:
    ids = (comparison.left.document_id, comparison.right.document_id)
    if request.document_id and request.document_id not in ids:
        return False
    if not request.HasField("min_similarity"):
        return True
    similarity = comparison.similarity
    return similarity.HasField("overall") and similarity.overall >= request.min_similarity


def _view(comparison: compare_pb2.Comparison, view: pb.ComparisonView.ValueType) -> compare_pb2.Comparison:
    """Show a comparison without its changes, or with as many as a page has room for."""
    if view != pb.COMPARISON_VIEW_FULL:
        comparison.ClearField("changes")
        return comparison
    part = next(split_comparison(comparison, PART_BYTES))
    if len(part.changes) < len(comparison.changes):
        part.changes_truncated = True
    return part
