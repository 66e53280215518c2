"""Reading results: pages that hold everything once, views, filters, and large ones in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Finish
from gateway.journal.record import JobRef
from gateway.results import Results
from tests.unit.gateway.bench import make_job

if TYPE_CHECKING:
    from collatio.runtime.blobs.local import LocalBlobs
    from gateway.journal.journal import Held, Journal
    from tests.unit.gateway.bench import Clock

REF = JobRef("default", "job-1")
MESSAGE_MAX = 4 << 20
TENANT = "default"


class Made:
    """A job whose plan compares document 0 with each of the others, in tiles of 64 pairs."""

    def __init__(self, journal: Journal, blobs: LocalBlobs) -> None:
        self.journal, self.blobs = journal, blobs
        self.results = Results(journal, blobs)
        self.held: Held
        self.plan = compare.ComparePlan()

    async def make(self, pairs: int, missing: frozenset[int] = frozenset(), **fields: Any) -> None:
        """Journal the plan and its tiles, some missing. A pair's similarity grows from 0 to 1."""
        await make_job(self.journal, "job-1")
        (self.held,) = await self.journal.lease("a", 60_000, 1)
        documents = [
            compare.CompareDocument(document_id=f"d{n}", uri=f"one:{n}", sha256=f"{n:064x}")
            for n in range(pairs + 1)
        ]
        self.plan.documents.extend(documents)
        tiles = {}
        for number, start in enumerate(range(1, pairs + 1, 64)):
            right = list(range(start, min(start + 64, pairs + 1)))
            self.plan.tiles.add(left=[0] * len(right), right=right)
            if number not in missing:
                tiles[number] = self.tile(number, [n / pairs for n in right], **fields)
        plan = self.blobs.put(TENANT, self.plan.SerializeToString())
        await self.journal.write(self.held, Entries(fields={"plan": plan.encode()}, tiles=tiles))

    def tile(
        self, number: int, similarities: list[float], changes: int = 1, text: str = "word"
    ) -> compare.CompareTile:
        """Store a tile's comparisons."""
        found = compare.TileComparisons()
        for similarity in similarities:
            one = found.comparisons.add(status=compare.COMPARISON_STATUS_COMPARED)
            one.similarity.overall = similarity
            for _ in range(changes):
                one.changes.add(right_text=text)
        digest = self.blobs.put(TENANT, found.SerializeToString())
        return compare.CompareTile(tile=number, comparisons=common.BlobRef(sha256=digest))

    async def page(self, token: str = "", **fields: Any) -> pb.ListJobComparisonsResponse:
        """Read a page."""
        request = pb.ListJobComparisonsRequest(name=REF.name, page_token=token, **fields)
        return await self.results.comparisons(REF, request)

    async def pages(self, **fields: Any) -> list[pb.ListJobComparisonsResponse]:
        """Read all pages."""
        found = [await self.page(**fields)]
        while found[-1].next_page_token:
            found.append(await self.page(found[-1].next_page_token, **fields))
        return found

    async def ids(self, **fields: Any) -> list[str]:
        """Read the ids of all pages."""
        return [c.comparison_id for page in await self.pages(**fields) for c in page.comparisons]


@pytest.fixture
def made(journal: Journal, blobs: LocalBlobs) -> Made:
    """Results to be made."""
    return Made(journal, blobs)


async def reason_of(awaited: Any) -> Reason:
    """Return the reason something fails with."""
    with pytest.raises(CollatioError) as caught:
        await awaited
    return caught.value.reason


async def drain(parts: Any) -> list[Any]:
    """Read a stream of parts."""
    return [part async for part in parts]


def ids_of(numbers: range) -> list[str]:
    """Name pairs."""
    return [f"d0..d{n}" for n in numbers]


@pytest.mark.parametrize("size", [37, 64, 1, 1000])
async def test_a_thousand_comparisons_come_once_each(made: Made, size: int) -> None:
    """In pages of any size, in the order of the plan; only the last page is short, and says so."""
    count = 1000 if size > 1 else 130
    await made.make(count)
    pages = await made.pages(page_size=size)
    assert [c.comparison_id for page in pages for c in page.comparisons] == ids_of(range(1, count + 1))
    assert [len(page.comparisons) for page in pages[:-1]] == [size] * (len(pages) - 1)


async def test_comparisons_bear_the_job_s_own_names(made: Made) -> None:
    """A tile that may serve many jobs is read under this one's documents."""
    await made.make(2)
    first = (await made.page(view=pb.COMPARISON_VIEW_FULL)).comparisons[0]
    assert first.left == compare.ComparedDocument(document_id="d0", uri="one:0", sha256=f"{0:064x}")
    assert first.right.uri == "one:1"


async def test_basic_views_hold_no_changes(made: Made) -> None:
    """BASIC is what is shown unless FULL is asked for."""
    await made.make(3, changes=4)
    for view in (pb.COMPARISON_VIEW_UNSPECIFIED, pb.COMPARISON_VIEW_BASIC):
        assert not any(c.changes for c in (await made.page(view=view)).comparisons)
    page = await made.page(view=pb.COMPARISON_VIEW_FULL)
    assert [len(c.changes) for c in page.comparisons] == [4] * 3
    assert not any(c.changes_truncated for c in page.comparisons)


async def test_a_large_comparison_is_cut_in_lists_and_whole_by_itself(made: Made) -> None:
    """The list says that more changed than it holds; GetComparison's parts hold it all, each within a message."""
    await made.make(1, changes=6_000, text="x" * 1_000)
    (shown,) = (await made.page(view=pb.COMPARISON_VIEW_FULL)).comparisons
    assert shown.changes_truncated
    assert 0 < len(shown.changes) < 6_000
    parts = await drain(made.results.comparison(REF, "d0..d1"))
    assert max(part.ByteSize() for part in parts) < MESSAGE_MAX
    whole = compare.Comparison()
    for part in parts:
        whole.MergeFrom(part)
    assert len(whole.changes) == 6_000
    assert whole.similarity.overall == 1.0
    assert not whole.changes_truncated


async def test_pages_stay_within_a_message(made: Made) -> None:
    """A page is cut short where its comparisons are large; none is left out."""
    await made.make(30, changes=300, text="x" * 1_000)
    pages = await made.pages(view=pb.COMPARISON_VIEW_FULL)
    assert len(pages) > 2
    assert max(page.ByteSize() for page in pages) < MESSAGE_MAX
    assert [c.comparison_id for page in pages for c in page.comparisons] == ids_of(range(1, 31))


async def test_comparisons_are_filtered(made: Made) -> None:
    """By similarity and by document, over pages that each are full."""
    await made.make(200)
    assert await made.ids(min_similarity=0.5, page_size=7) == ids_of(range(100, 201))
    assert await made.ids(document_id="d77") == ["d0..d77"]
    assert await made.ids(document_id="absent") == []
    assert len(await made.ids(min_similarity=0.0)) == 200
    assert await reason_of(made.page(min_similarity=1.5)) is Reason.INVALID_REQUEST


async def test_failed_pairs_are_comparisons(made: Made) -> None:
    """Of a failed tile each, and those whose documents failed before, first."""
    await made.make(130, missing=frozenset({1}))
    failed = compare.CompareTile(tile=1, pair_count=64)
    failed.error.CopyFrom(common.DocumentError(reason="COMPARE_TIMEOUT"))
    before = compare.CompareTile(tile=-1)
    before.content.add(comparison_id="a..b", status=compare.COMPARISON_STATUS_FAILED)
    await made.journal.write(made.held, Entries(tiles={1: failed, -1: before}))
    found = [c for page in await made.pages(page_size=10) for c in page.comparisons]
    assert [c.comparison_id for c in found] == ["a..b", *ids_of(range(1, 131))]
    assert {c.error.reason for c in found[65:129]} == {"COMPARE_TIMEOUT"}
    assert {c.status for c in found[65:129]} == {compare.COMPARISON_STATUS_FAILED}
    (one,) = await drain(made.results.comparison(REF, "d0..d100"))
    assert one.error.reason == "COMPARE_TIMEOUT"
    assert (await drain(made.results.comparison(REF, "a..b")))[0].status == compare.COMPARISON_STATUS_FAILED


async def test_what_is_there_can_be_read_while_the_job_runs(made: Made) -> None:
    """Before the plan there is nothing, and before a tile its pairs are not found."""
    await make_job(made.journal, "job-1")
    assert await made.ids() == []
    await made.journal._client.flushdb()
    await made.make(130, missing=frozenset({1}))
    assert await made.ids() == ids_of(range(1, 65)) + ids_of(range(129, 131))
    assert await reason_of(drain(made.results.comparison(REF, "d0..d100"))) is Reason.COMPARISON_NOT_FOUND


async def test_an_extraction_comes_in_parts(made: Made, blobs: LocalBlobs) -> None:
    """However large: merged in order, the parts are the whole."""
    whole = extract.Extraction(media_type="text/plain", engine="e@1", confidence=0.5)
    for number in range(5_000):
        whole.blocks.add(text=f"{number} " + "x" * 1_000)
    whole.metadata.title = "Title"
    digest = blobs.put(TENANT, whole.SerializeToString())
    await make_job(made.journal, "job-1")
    (held,) = await made.journal.lease("a", 60_000, 1)
    done = pb.JobDocument(document_id="d1", extraction=common.BlobRef(sha256=digest))
    await made.journal.write(held, Entries(documents={"d1": done, "d2": pb.JobDocument(document_id="d2")}))
    parts = await drain(made.results.extraction(REF, "d1"))
    merged = extract.Extraction()
    for part in parts:
        merged.MergeFrom(part)
    assert merged == whole
    assert max(part.ByteSize() for part in parts) < MESSAGE_MAX
    for absent in ("d2", "d3", ""):
        assert await reason_of(drain(made.results.extraction(REF, absent))) is Reason.DOCUMENT_NOT_FOUND


async def test_a_conclusion_is_read_whole(made: Made, blobs: LocalBlobs) -> None:
    """One empty part where the plan had nothing to say."""
    await make_job(made.journal, "job-1")
    assert await drain(made.results.conclusion(REF)) == [compare.CompareConclusion()]
    found = compare.CompareConclusion(clusters=[compare.Cluster(document_ids=["a", "b"])])
    digest = blobs.put(TENANT, found.SerializeToString())
    (held,) = await made.journal.lease("a", 60_000, 1)
    await made.journal.write(held, Entries(fields={"conclusion": digest.encode()}))
    assert await drain(made.results.conclusion(REF)) == [found]


async def test_lost_bytes_are_told(made: Made, blobs: LocalBlobs) -> None:
    """A tile whose blob is gone is NOT_FOUND, never an empty page."""
    await made.make(2)
    tile = (await made.journal.tiles(REF))[0]
    blobs.path(BlobId(TENANT, tile.comparisons.sha256)).unlink()
    assert await reason_of(made.page()) is Reason.BLOB_NOT_FOUND


@pytest.mark.parametrize("token", ["x", "bzk5OTk5OTk5OTk5OTk5OTk5OTk5OQ==", "YQ==", "b8Ky"])
async def test_made_up_tokens_are_refused(made: Made, token: str) -> None:
    """Whoever makes up a place is told so, whether it is text, too far, or none."""
    await made.make(2)
    assert await reason_of(made.page(token)) is Reason.INVALID_PAGE_TOKEN


async def test_expired_results_are_told_apart_from_unknown_jobs(made: Made, clock: Clock) -> None:
    """JOB_EXPIRED for what is past, JOB_NOT_FOUND for what never was."""
    results = made.results
    reads = [
        made.page,
        lambda: drain(results.comparison(REF, "a..b")),
        lambda: drain(results.extraction(REF, "d1")),
        lambda: drain(results.conclusion(REF)),
    ]
    assert [await reason_of(read()) for read in reads] == [Reason.JOB_NOT_FOUND] * 4
    await made.make(2)
    await made.journal.write(made.held, Entries(), Finish("SUCCEEDED", 1, pb.JobEvent()))
    clock.pass_ms(2)
    await made.journal.expire(1_000)
    assert [await reason_of(read()) for read in reads] == [Reason.JOB_EXPIRED] * 4
