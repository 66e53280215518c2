"""MeshService: each stage asked, and each that does not answer named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.telemetry.provider import Telemetry
from collatio.v1 import common_pb2 as common
from collatio.v1 import gateway_pb2 as pb
from gateway.collecting import Collector
from gateway.mesh_server import MeshServicer
from gateway.run.stages import Stages, Targets
from gateway.settings import Settings
from tests.unit.gateway.bench import START_MS, make_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.gateway.bench import Bench

SETTINGS = Settings(
    state_url="redis://127.0.0.1:1",
    blob_url="file:///nowhere",
    fetch_target="127.0.0.1:1",
    extract_target="127.0.0.1:1",
    compare_target="127.0.0.1:1",
    documents_max=7,
)
EXTRACT = common.STAGE_EXTRACT


@pytest.fixture
def mesh(bench: Bench) -> MeshServicer:
    """The service over scripted stages."""
    return MeshServicer(bench.stages, bench.journal, collector(bench), SETTINGS)


def collector(bench: Bench) -> Collector:
    """Make a collector that stands at the bench's first moment."""
    return Collector(bench.client, bench.deps.blobs, lambda: START_MS / 1000, ttl_s=86_400.0, every_s=0)


@pytest.fixture
async def alone(bench: Bench) -> AsyncIterator[MeshServicer]:
    """The service whose stages are away."""
    stages = Stages(Targets("127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1"), Telemetry.noop())
    yield MeshServicer(stages, bench.journal, collector(bench), SETTINGS)
    await stages.close()


async def quarantine(mesh: MeshServicer, **request: Any) -> list[str]:
    """Read the quarantine's keys, page by page."""
    found: list[str] = []
    token = ""
    while True:
        asked = common.ListQuarantineRequest(page_token=token, **request)
        page = await mesh.ListQuarantine(asked, None)
        found += [step.key for step in page.steps]
        token = page.next_page_token
        if not token:
            return found


async def reason_of(awaited: Any) -> Reason:
    """Return the reason something fails with."""
    with pytest.raises(CollatioError) as caught:
        await awaited
    return caught.value.reason


async def test_the_mesh_is_told_stage_by_stage(mesh: MeshServicer, bench: Bench) -> None:
    """In their order, with what each says, and the jobs that are open."""
    bench.scripted.script.status["extract"] = common.StageStatus(queue_depth=5, workers_alive=2)
    await make_job(bench.journal, "job-1")
    status = await mesh.GetMeshStatus(pb.GetMeshStatusRequest(), None)
    assert [stage.stage for stage in status.stages] == [1, 2, 3]
    assert (status.stages[1].queue_depth, status.open_jobs, status.unavailable) == (5, 1, "")


async def test_capabilities_are_those_of_live_workers(mesh: MeshServicer, bench: Bench) -> None:
    """Formats, schemes, engines and confinement come from the stages; limits are the gateway's."""
    bench.scripted.script.status |= {
        "fetch": common.StageStatus(schemes=["s3", "file"]),
        "extract": common.StageStatus(
            media_types=["text/plain"], engines=["pdf@1"], isolation=common.Isolation(seccomp=True)
        ),
    }
    found = await mesh.GetCapabilities(pb.GetCapabilitiesRequest(), None)
    assert list(found.schemes) == ["file", "s3"]
    assert list(found.media_types) == ["text/plain"]
    assert [list(one.engines) for one in found.engines] == [[], ["pdf@1"], []]
    assert found.isolation.seccomp
    assert found.limits.documents_max == 7


async def test_stages_that_are_away_are_named(alone: MeshServicer) -> None:
    """The status is answered all the same; what needs a stage says that it cannot be reached."""
    status = await alone.GetMeshStatus(pb.GetMeshStatusRequest(), None)
    assert ["UNAVAILABLE" in stage.unavailable for stage in status.stages] == [True] * 3
    assert [stage.stage for stage in status.stages] == [1, 2, 3]
    listing = alone.ListQuarantine(common.ListQuarantineRequest(), None)
    assert await reason_of(listing) is Reason.STAGE_UNAVAILABLE


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_the_quarantine_of_all_stages_is_one_list(mesh: MeshServicer, bench: Bench, size: int) -> None:
    """A stage after another, in pages of any size; or one stage's alone."""
    bench.scripted.script.quarantine = {"fetch": ["f1", "f2", "f3"], "compare": ["c1"]}
    assert await quarantine(mesh, page_size=size) == ["f1", "f2", "f3", "c1"]
    assert await quarantine(mesh, page_size=size, stage=common.STAGE_COMPARE) == ["c1"]
    assert await quarantine(mesh, page_size=size, stage=EXTRACT) == []


async def test_odd_quarantine_requests_are_refused(mesh: MeshServicer) -> None:
    """A stage that is none, a token that is not ours, a negative size that the stage refuses."""
    refused = {
        Reason.INVALID_REQUEST: [
            common.ListQuarantineRequest(stage=99),  # type: ignore[arg-type] # an enum's value from elsewhere
            common.ListQuarantineRequest(page_size=-1),
        ],
        Reason.INVALID_PAGE_TOKEN: [
            common.ListQuarantineRequest(page_token=token) for token in ("x", "9:", "-1:", "²:", ":")
        ],
    }
    for reason, requests in refused.items():
        for request in requests:
            assert await reason_of(mesh.ListQuarantine(request, None)) is reason


async def test_quarantined_steps_are_replayed_where_they_lie(mesh: MeshServicer, bench: Bench) -> None:
    """The stage must be named; it says which keys it had."""
    bench.scripted.script.quarantine = {"extract": ["e1"]}
    request = common.ReplayQuarantineRequest(stage=EXTRACT, keys=["e1", "e2"])
    assert list((await mesh.ReplayQuarantine(request, None)).keys) == ["e1"]
    for stage in (0, 99):
        nowhere = common.ReplayQuarantineRequest(stage=stage)  # type: ignore[arg-type] # as above
        assert await reason_of(mesh.ReplayQuarantine(nowhere, None)) is Reason.INVALID_REQUEST


async def test_blobs_are_collected_when_asked(mesh: MeshServicer, bench: Bench) -> None:
    """By the mesh's own age, or the caller's, which must leave time for a blob to be named."""
    digest = bench.deps.blobs.put("default", b"nobody's")
    used_s = START_MS / 1000 - 7200
    os.utime(bench.scripted.blobs.path(BlobId("default", digest)), (used_s, used_s))  # type: ignore[attr-defined] # it is a folder
    assert (await mesh.CollectBlobs(pb.CollectBlobsRequest(), None)).removed_count == 0
    request = pb.CollectBlobsRequest(dry_run=True)
    request.min_age.FromSeconds(7200)
    answer = await mesh.CollectBlobs(request, None)
    assert (answer.held_count, answer.named_count, answer.removed_count, answer.removed_bytes) == (1, 0, 1, 8)
    request.dry_run = False
    assert (await mesh.CollectBlobs(request, None)).removed_count == 1
    request.min_age.FromSeconds(3599)
    assert await reason_of(mesh.CollectBlobs(request, None)) is Reason.INVALID_REQUEST
