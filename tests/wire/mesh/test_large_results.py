"""Results far beyond a message, read by callers whose limits are their libraries' defaults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Finish
from gateway.journal.record import JobRef
from tests.support import example_clients
from tests.support.served_mesh import ServedMesh

if TYPE_CHECKING:
    from pathlib import Path

TENANT, JOB = "default", "large"
BYTES = 30 << 20
TEXT = "x" * 30_000
COUNT = BYTES // len(TEXT) + 1


async def journal_results(served: ServedMesh) -> None:
    """Journal an ended job with one extraction and one comparison, each larger than 30 MiB."""
    ref = JobRef(TENANT, JOB)
    await served.journal.create(ref, pb.JobSpec(), request_id="", body="", trace="", retry_of="", jobs_max=10)
    (held,) = await served.journal.lease("test", 60_000, 1)
    extraction = extract.Extraction(engine="test@1")
    tile = compare.TileComparisons()
    pair = tile.comparisons.add(status=compare.COMPARISON_STATUS_COMPARED)
    for _ in range(COUNT):
        extraction.blocks.add(kind=extract.BLOCK_KIND_PARAGRAPH, text=TEXT)
        pair.changes.add(right_text=TEXT)
    pair.counts.changes = COUNT
    assert min(extraction.ByteSize(), pair.ByteSize()) >= BYTES
    put = served.blobs.put
    names = [compare.CompareDocument(document_id=name, uri=f"file:///{name}") for name in ("a", "b")]
    plan = compare.ComparePlan(documents=names, tiles=[compare.PlannedTile(left=[0], right=[1])])
    document = pb.JobDocument(document_id="a", uri="file:///a", state=pb.DOCUMENT_STATE_EXTRACTED)
    document.extraction.sha256 = put(TENANT, extraction.SerializeToString())
    blob = common.BlobRef(sha256=put(TENANT, tile.SerializeToString()))
    entries = Entries(
        fields={"plan": put(TENANT, plan.SerializeToString()).encode()},
        documents={"a": document},
        tiles={0: compare.CompareTile(tile=0, pair_count=1, compared_count=1, comparisons=blob)},
    )
    await served.journal.write(held, entries, Finish("SUCCEEDED", 3_600_000, pb.JobEvent()))


async def test_thirty_megabytes_come_through(
    state_url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An extraction and a comparison of 30 MiB, whole, in Python, Node (both ways) and Go."""
    commands = {
        "python": example_clients.python_client(),
        **example_clients.available(tmp_path_factory.mktemp("go")),
    }
    async with ServedMesh(state_url, tmp_path, jobs_run=False) as served:
        await journal_results(served)
        running = {
            name: await example_clients.start(
                [*argv, served.address("gateway"), *name.split()[1:], "read", f"jobs/{JOB}"]
            )
            for name, argv in commands.items()
        }
        printed = dict(
            zip(running, await asyncio.gather(*(ran.end() for ran in running.values())), strict=True)
        )
    for name, lines in printed.items():
        assert lines == [f"extraction a {COUNT} blocks", f"comparison a..b {COUNT} changes", "absent true"], (
            name
        )
