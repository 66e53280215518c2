"""Each stage through its own port, by a plain gRPC client, without a gateway."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from collatio.runtime.errors import Reason
from collatio.runtime.rpc.status import from_rpc_error
from collatio.v1 import (
    common_pb2,
    compare_pb2,
    compare_pb2_grpc,
    extract_pb2,
    extract_pb2_grpc,
    fetch_pb2,
    fetch_pb2_grpc,
)
from tests.support.papers import write_papers
from tests.support.places import ROOT, SAMPLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.running_mesh import RunningMesh
    from tests.support.site import Site

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

CALL_S = 30.0
INVOICE = (SAMPLES / "invoices" / "invoice-2025-0117.pdf").read_bytes()
BROKEN = (SAMPLES / "contracts" / "service-agreement-v2-broken-upload.pdf").read_bytes()
OLD = "The rent is due on the first day of each month.\n\nThe term is two years."
NEW = "The rent is due on the fifth day of each month.\n\nThe term is two years."


@asynccontextmanager
async def stub(target: str, make: Callable[[grpc.aio.Channel], Any]) -> AsyncIterator[Any]:
    """Open a stage's stub for a block."""
    async with grpc.aio.insecure_channel(target) as channel:
        yield make(channel)


async def fetched(mesh: RunningMesh, *sources: common_pb2.Source) -> list[fetch_pb2.FetchOutcome]:
    """Fetch sources as items 0, 1, … and gather every outcome."""
    items = [fetch_pb2.FetchItem(item_id=str(n), source=source) for n, source in enumerate(sources)]
    async with stub(mesh.stage("fetch"), fetch_pb2_grpc.FetchServiceStub) as stage:
        call = stage.Fetch(iter([fetch_pb2.FetchRequest(items=items)]), timeout=CALL_S)
        return [outcome async for response in call for outcome in response.outcomes]


async def extracted(mesh: RunningMesh, **documents: bytes) -> dict[str, extract_pb2.ExtractOutcome]:
    """Extract inline documents by name, their parts merged."""
    items = [extract_pb2.ExtractItem(item_id=name, inline=data) for name, data in documents.items()]
    found: dict[str, extract_pb2.ExtractOutcome] = {}
    async with stub(mesh.stage("extract"), extract_pb2_grpc.ExtractServiceStub) as stage:
        call = stage.Extract(iter([extract_pb2.ExtractRequest(items=items)]), timeout=CALL_S)
        async for response in call:
            for outcome in response.outcomes:
                found.setdefault(outcome.item_id, extract_pb2.ExtractOutcome()).MergeFrom(outcome)
    return found


async def compared(
    mesh: RunningMesh, *requests: compare_pb2.CompareRequest
) -> list[compare_pb2.CompareResponse]:
    """Send requests to compare and gather its responses."""
    async with stub(mesh.stage("compare"), compare_pb2_grpc.CompareServiceStub) as stage:
        return [response async for response in stage.Compare(iter(requests), timeout=CALL_S)]


async def test_fetch_answers_a_folder_a_blob_and_a_failure(mesh: RunningMesh, tmp_path: Path) -> None:
    """Each source ends with its done, after a document or a failure for everything in it."""
    papers = write_papers(tmp_path / "folder", 3, tag=str(tmp_path))
    outcomes = await fetched(
        mesh,
        common_pb2.Source(uri=f"{tmp_path.as_uri()}/folder/"),
        common_pb2.Source(inline=common_pb2.InlineDocument(data=INVOICE, name="invoice.pdf")),
        common_pb2.Source(uri=(tmp_path / "absent.html").as_uri()),
    )
    by_item = {number: [o for o in outcomes if o.item_id == str(number)] for number in range(3)}
    assert all(found[-1].WhichOneof("result") == "done" for found in by_item.values())
    folder, inline, absent = (found[:-1] for found in by_item.values())
    assert {o.document.uri for o in folder} == {path.as_uri() for path in papers}
    assert {o.document.relative_path for o in folder} == {path.name for path in papers}
    assert {o.document.blob.media_type for o in folder} == {"text/html"}
    assert [o.document.blob.media_type for o in inline] == ["application/pdf"]
    assert [o.failure.error.reason for o in absent] == ["SOURCE_NOT_FOUND"]
    done = [found[-1].done for found in by_item.values()]
    assert [(each.document_count, each.failure_count) for each in done] == [(3, 0), (1, 0), (0, 1)]


async def test_fetch_reads_a_list_of_uris(mesh: RunningMesh, tmp_path: Path) -> None:
    """Every line of an uploaded list is a source; comments and empty lines are passed over."""
    papers = write_papers(tmp_path / "folder", 2, tag=str(tmp_path))
    text = "\n".join(["# two papers", *(path.as_uri() for path in papers), "", "ftp://example.org/a"])
    async with mesh.client() as client:
        blob = await client.upload(text.encode())
    outcomes = await fetched(mesh, common_pb2.Source(uri_list=blob))
    assert {o.document.uri for o in outcomes if o.HasField("document")} == {p.as_uri() for p in papers}
    assert [o.failure.error.reason for o in outcomes if o.HasField("failure")] == ["URI_SCHEME_UNSUPPORTED"]


async def test_extract_answers_inline_documents_in_full(mesh: RunningMesh) -> None:
    """Text and tables come in the answer itself; a document that cannot be read fails alone."""
    found = await extracted(mesh, invoice=INVOICE, note=b"Dear Sir,\n\nno.", broken=BROKEN)
    assert found["invoice"].content.media_type == "application/pdf"
    assert found["invoice"].summary.page_count == len(found["invoice"].content.pages) == 1
    assert found["invoice"].summary.table_count == len(found["invoice"].content.tables) > 0
    assert [block.text for block in found["note"].content.blocks] == ["Dear Sir,", "no."]
    assert found["broken"].error.reason == "DOCUMENT_CORRUPT"
    assert found["broken"].error.stage == common_pb2.STAGE_EXTRACT


async def test_extract_streams_a_large_extraction_in_parts(mesh: RunningMesh) -> None:
    """An extraction beyond a message's size comes in several, which merge into the whole."""
    lines = [f"{number}." for number in range(100_000)]
    items = [extract_pb2.ExtractItem(item_id="long", inline="\n\n".join(lines).encode())]
    async with stub(mesh.stage("extract"), extract_pb2_grpc.ExtractServiceStub) as stage:
        call = stage.Extract(iter([extract_pb2.ExtractRequest(items=items)]), timeout=CALL_S)
        parts = [outcome async for response in call for outcome in response.outcomes]
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert len(parts) > 1
    assert [block.text for part in parts for block in part.content.blocks] == lines


async def test_compare_answers_texts(mesh: RunningMesh) -> None:
    """Two texts make a plan, a tile and the words that differ."""
    documents = [
        compare_pb2.CompareDocument(document_id=name, text=text)
        for name, text in (("old", OLD), ("new", NEW))
    ]
    planned, answer = await compared(mesh, compare_pb2.CompareRequest(documents=documents))
    assert (planned.planned.pair_count, planned.planned.tile_count) == (1, 1)
    (comparison,) = answer.tile.content
    assert comparison.comparison_id == "old..new"
    (change,) = comparison.changes
    assert (change.kind, change.left_text, change.right_text) == (
        compare_pb2.CHANGE_KIND_REPLACED,
        "first",
        "fifth",
    )
    assert (change.left.block, change.left.offset) == (0, OLD.index("first"))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (fetch_pb2.FetchRequest(items=[fetch_pb2.FetchItem(item_id="a")]), "items[0].source"),
        (fetch_pb2.FetchRequest(items=[fetch_pb2.FetchItem()]), "items[0].item_id"),
        (extract_pb2.ExtractRequest(items=[extract_pb2.ExtractItem(item_id="a")]), "items[0]"),
        (
            compare_pb2.CompareRequest(documents=[compare_pb2.CompareDocument(document_id="a")]),
            "documents[0]",
        ),
        (extract_pb2.ExtractRequest(job="job-1"), "job"),
    ],
)
async def test_a_bad_request_names_its_field(mesh: RunningMesh, request_: Any, field: str) -> None:
    """What breaks the contract ends the stream with INVALID_ARGUMENT and the field's path."""
    name, make = {
        fetch_pb2.FetchRequest: ("Fetch", fetch_pb2_grpc.FetchServiceStub),
        extract_pb2.ExtractRequest: ("Extract", extract_pb2_grpc.ExtractServiceStub),
        compare_pb2.CompareRequest: ("Compare", compare_pb2_grpc.CompareServiceStub),
    }[type(request_)]
    async with stub(mesh.stage(name.lower()), make) as stage:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [response async for response in getattr(stage, name)(iter([request_]), timeout=CALL_S)]
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    error = from_rpc_error(caught.value)
    assert error.reason is Reason.INVALID_REQUEST
    assert [violation.field for violation in error.violations] == [field]


async def test_a_cancel_message_ends_a_stream_at_once(mesh: RunningMesh, site: Site) -> None:
    """Nothing more is answered: the stream ends with CANCELLED although its documents are still to come."""
    site.gate.close_from(0)
    items = [
        fetch_pb2.FetchItem(item_id=uri, source=common_pb2.Source(uri=uri)) for uri in site.uris("alone", 3)
    ]
    try:
        async with stub(mesh.stage("fetch"), fetch_pb2_grpc.FetchServiceStub) as stage:
            call = stage.Fetch(timeout=CALL_S)
            await call.write(fetch_pb2.FetchRequest(items=items))
            await call.write(fetch_pb2.FetchRequest(cancel=True))
            assert await call.code() is grpc.StatusCode.CANCELLED
    finally:
        site.gate.open()


async def test_a_stage_says_how_it_is(mesh: RunningMesh) -> None:
    """GetStatus names the workers, their engines, and what a stage takes."""
    made = {
        "fetch": fetch_pb2_grpc.FetchServiceStub,
        "extract": extract_pb2_grpc.ExtractServiceStub,
        "compare": compare_pb2_grpc.CompareServiceStub,
    }
    told: dict[str, common_pb2.StageStatus] = {}
    for name, make in made.items():
        async with stub(mesh.stage(name), make) as stage:
            told[name] = await stage.GetStatus(common_pb2.GetStatusRequest(), timeout=CALL_S)
    assert {status.workers_alive for status in told.values()} == {1}
    assert [told[name].worker_slots for name in made] == [1, 2, 2]
    assert all(status.engines for status in told.values())
    assert {"file", "http", "https", "s3"} <= set(told["fetch"].schemes)
    assert "application/pdf" in told["extract"].media_types
    status = await mesh.status(lambda status: all(s.isolation.rlimits for s in status.stages[1:]))
    assert not status.stages[0].HasField("isolation"), "fetch parses nothing"


async def test_a_stage_reads_nothing_outside_its_roots(mesh: RunningMesh) -> None:
    """Without a gateway between, the rules are the same."""
    found = await fetched(mesh, common_pb2.Source(uri=(ROOT / "LICENSE").as_uri()))
    assert [o.failure.error.reason for o in found if o.HasField("failure")] == ["PATH_OUTSIDE_ROOT"]
