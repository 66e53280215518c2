"""What the collector takes: blobs that nothing names and nobody used for long, and no others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.blobs.digest import BlobId, digest_of
from collatio.runtime.ledger import commands
from collatio.runtime.ledger.ledger import AsyncLedger
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.ledger.records import Step
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.collecting import Collected, Collector
from gateway.inline import store_inline
from gateway.journal.journal import Entries
from tests.unit.gateway.bench import make_job, spec_of

if TYPE_CHECKING:
    import redis.asyncio

    from collatio.runtime.blobs.local import LocalBlobs
    from gateway.journal.journal import Journal
    from tests.unit.gateway.bench import Bench

TENANT = "default"
NOW_S, HOUR_S = 1_000_000.0, 3600.0
OLD_S = NOW_S - 2 * HOUR_S


def put(blobs: LocalBlobs, text: str, used_s: float = OLD_S) -> str:
    """Store a blob that was last used at a time."""
    digest = blobs.put(TENANT, text.encode())
    os.utime(blobs.path(BlobId(TENANT, digest)), (used_s, used_s))
    return digest


@pytest.fixture
def collector(client: redis.asyncio.Redis, blobs: LocalBlobs) -> Collector:
    """A collector at one moment."""
    return Collector(client, blobs, lambda: NOW_S, ttl_s=HOUR_S, every_s=0)


async def test_what_nothing_names_goes_once_it_is_old(collector: Collector, blobs: LocalBlobs) -> None:
    """Unused for the age asked for, to the second; a younger one stays."""
    old, young = put(blobs, "old", NOW_S - HOUR_S), put(blobs, "young", NOW_S - HOUR_S + 1)
    assert await collector.collect(HOUR_S) == Collected(held=2, named=0, removed=1, removed_bytes=3)
    assert blobs.stat(BlobId(TENANT, old)) is None
    assert blobs.stat(BlobId(TENANT, young)) == 5


async def test_a_dry_run_takes_nothing(collector: Collector, blobs: LocalBlobs) -> None:
    """It counts what would go."""
    old = put(blobs, "old")
    assert (await collector.collect(HOUR_S, dry_run=True)).removed == 1
    assert blobs.stat(BlobId(TENANT, old)) == 3


async def test_what_a_job_names_stays(collector: Collector, blobs: LocalBlobs, journal: Journal) -> None:
    """Its documents, extractions, tiles, plan and conclusion, and what came inside its request."""
    spec = spec_of("one:a", f"blob:sha256:{put(blobs, 'uploaded')}")
    spec.sources.add(inline=common.InlineDocument(data=b"inline", name="a.txt"))
    ref = await make_job(journal, "job-1", await store_inline(blobs, TENANT, spec))
    put(blobs, "inline")
    (held,) = await journal.lease("a", 1000, 1)
    document = pb.JobDocument(document_id="a")
    document.blob.sha256, document.extraction.sha256 = put(blobs, "input"), put(blobs, "extraction")
    tile = compare.CompareTile()
    tile.comparisons.sha256 = put(blobs, "tile")
    fields = {"plan": put(blobs, "plan").encode(), "conclusion": put(blobs, "conclusion").encode()}
    await journal.write(held, Entries(documents={"a": document}, tiles={0: tile}, fields=fields))
    assert await collector.collect(HOUR_S) == Collected(held=7, named=7, removed=0, removed_bytes=0)
    await journal.write(held, Entries(drop_tiles=True))
    assert (await collector.collect(HOUR_S)).removed == 1
    assert (await journal.read(ref)).state == "QUEUED"


async def test_what_a_step_names_stays(
    collector: Collector, blobs: LocalBlobs, client: redis.asyncio.Redis
) -> None:
    """Its input while it waits, its outcome once it has one."""
    ledger = AsyncLedger(client, "extract", Limits())
    step = Step(key="k", spec=f'{{"sha256": "{put(blobs, "input")}"}}', cost_ms=1, engine="")
    await ledger.run(commands.submit("call", TENANT, "job", [step], 0))
    put(blobs, "nobody's")
    found = await collector.collect(HOUR_S)
    assert (found.held, found.named, found.removed) == (2, 1, 1)


async def test_a_blob_used_after_the_look_is_kept(collector: Collector, blobs: LocalBlobs) -> None:
    """Bytes that are put again meanwhile count as used now, whatever the list said of them."""
    old = put(blobs, "old")
    (listed,) = blobs.held()
    assert listed.used_s == OLD_S
    blobs.put(TENANT, b"old")
    assert not blobs.discard(BlobId(TENANT, old), NOW_S - HOUR_S)
    assert blobs.get(BlobId(TENANT, old)) == b"old"
    assert (await collector.collect(HOUR_S)).removed == 0


async def test_an_expired_job_s_blobs_go(bench: Bench, blobs: LocalBlobs, collector: Collector) -> None:
    """What a job's results held is free once they have expired."""
    job = await bench.run(spec_of("many:4", compared=True))
    assert (await collector.collect(-NOW_S)).removed == 0
    bench.clock.pass_ms(job.expire_time.ToMilliseconds() - job.end_time.ToMilliseconds())
    await bench.journal.expire(1_000)
    digests = {digest_of(path.read_bytes()) for path in blobs.root.glob("*/??/??/*")}
    assert digests
    for digest in digests:
        os.utime(blobs.path(BlobId(TENANT, digest)), (OLD_S, OLD_S))
    found = await collector.collect(HOUR_S)
    assert (found.removed, found.named) == (len(digests), 0)
    assert not list(blobs.held())
