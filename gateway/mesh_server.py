"""MeshService: what the mesh can do and how it is, asked of each stage."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import grpc

from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.rpc.status import from_rpc_error
from collatio.v1 import common_pb2, gateway_pb2_grpc
from collatio.v1 import gateway_pb2 as pb
from gateway.collecting import MIN_AGE_S
from gateway.run.stages import STATUS_TIMEOUT_S, ask
from gateway.validate import INLINE_MAX, SOURCES_MAX

if TYPE_CHECKING:
    from gateway.collecting import Collector
    from gateway.journal.journal import Journal
    from gateway.run.stages import Stages
    from gateway.settings import Settings

SERVICE = "collatio.v1.MeshService"
PAIRS_MAX = 100_000
AWAY = {Reason.UNREACHABLE, Reason.DEADLINE_EXCEEDED}


class MeshServicer(gateway_pb2_grpc.MeshServiceServicer):
    """The service's methods."""

    def __init__(self, stages: Stages, journal: Journal, collector: Collector, settings: Settings) -> None:
        self._stages, self._journal, self._settings = stages, journal, settings
        self._collector = collector

    async def GetMeshStatus(  # noqa: N802 - the RPC's name
        self, _: pb.GetMeshStatusRequest, __: Any
    ) -> pb.MeshStatus:
        """Answer with each stage as it is now, saying what could not be read."""
        stages = await self._stages.statuses()
        status = pb.MeshStatus(version=version("collatio"), stages=stages)
        try:
            status.open_jobs = await asyncio.wait_for(self._journal.open_count(), STATUS_TIMEOUT_S)
        except (CollatioError, TimeoutError):
            status.unavailable = "The state store cannot be reached."
        return status

    async def GetCapabilities(  # noqa: N802 - the RPC's name
        self, _: pb.GetCapabilitiesRequest, __: Any
    ) -> pb.Capabilities:
        """Answer with versions, formats, engines and limits."""
        stages = await self._stages.statuses()
        made = pb.Capabilities(
            version=version("collatio"),
            engines=[pb.StageEngines(stage=s.stage, engines=s.engines) for s in stages],
            schemes=sorted({scheme for s in stages for scheme in s.schemes}),
            media_types=sorted({media_type for s in stages for media_type in s.media_types}),
            limits=pb.Limits(
                documents_max=self._settings.documents_max,
                pairs_max=PAIRS_MAX,
                inline_bytes_max=INLINE_MAX,
                document_bytes_max=self._settings.document_max,
                sources_max=SOURCES_MAX,
            ),
        )
        for stage in stages:
            if stage.stage == common_pb2.STAGE_EXTRACT and stage.HasField("isolation"):
                made.isolation.CopyFrom(stage.isolation)
        return made

    async def CollectBlobs(  # noqa: N802 - the RPC's name
        self, request: pb.CollectBlobsRequest, _: Any
    ) -> pb.CollectBlobsResponse:
        """Remove blobs that nothing names and nobody used for long, or count them."""
        age_s = self._collector.ttl_s
        if request.HasField("min_age"):
            age_s = request.min_age.seconds + request.min_age.nanos / 1e9
        if age_s < MIN_AGE_S:
            raise invalid("min_age", "must be an hour or more: what is younger may be about to be named")
        done = await self._collector.collect(age_s, dry_run=request.dry_run)
        return pb.CollectBlobsResponse(
            held_count=done.held,
            named_count=done.named,
            removed_count=done.removed,
            removed_bytes=done.removed_bytes,
        )

    async def ListQuarantine(  # noqa: N802 - the RPC's name
        self, request: common_pb2.ListQuarantineRequest, _: Any
    ) -> common_pb2.ListQuarantineResponse:
        """Answer with a page of the quarantine: of one stage, or of all, a stage after another."""
        stubs = self._stages.by_stage()
        if request.stage and request.stage not in stubs:
            raise invalid("stage", "is not a stage")
        order = [request.stage] if request.stage else list(stubs)
        number, _, token = (request.page_token or "0:").partition(":")
        at = next((index for index in range(len(order)) if str(index) == number), None)
        if at is None:
            raise CollatioError(Reason.INVALID_PAGE_TOKEN)
        asked = common_pb2.ListQuarantineRequest(page_size=request.page_size, page_token=token)
        answer: common_pb2.ListQuarantineResponse = await _ask(stubs[order[at]].ListQuarantine, asked)
        if answer.next_page_token:
            answer.next_page_token = f"{at}:{answer.next_page_token}"
        elif at + 1 < len(order):
            answer.next_page_token = f"{at + 1}:"
        return answer

    async def ReplayQuarantine(  # noqa: N802 - the RPC's name
        self, request: common_pb2.ReplayQuarantineRequest, _: Any
    ) -> common_pb2.ReplayQuarantineResponse:
        """Have a stage try quarantined steps again."""
        stub = self._stages.by_stage().get(request.stage)
        if stub is None:
            raise invalid("stage", "must be set")
        answer: common_pb2.ReplayQuarantineResponse = await _ask(stub.ReplayQuarantine, request)
        return answer


async def _ask(method: Any, request: Any) -> Any:
    try:
        return await ask(method, request)
    except grpc.aio.AioRpcError as error:
        failed = from_rpc_error(error)
        raise CollatioError(Reason.STAGE_UNAVAILABLE) if failed.reason in AWAY else failed from error
