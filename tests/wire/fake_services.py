"""The services of a fake gateway, registered on a real gRPC server."""

# ruff: noqa: D102 - the contract documents its methods
from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2

from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.rpc.status import to_grpc
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc
from tests.wire.fake_jobs import END, TERMINAL, TRACE_ID, WHEN, Stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.wire.fake_gateway import FakeGateway


async def _abort(context: Any, error: CollatioError) -> None:
    await context.abort_with_status(to_grpc(error, TRACE_ID))


class Jobs(gateway_pb2_grpc.JobServiceServicer):
    """JobService."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway

    async def CreateJob(self, request: pb.CreateJobRequest, context: Any) -> pb.Job:  # noqa: N802 - gRPC's name
        gateway, script = self.gateway, self.gateway.script
        gateway.calls["CreateJob"] += 1
        gateway.metadata = [(key, value) for key, value in context.invocation_metadata()]
        if script.refuse is not None:
            await _abort(context, script.refuse)
        if not request.job.spec.sources:
            await _abort(context, invalid("job.spec.sources", "at least one source is needed"))
        name = gateway.requests.get(request.request_id)
        if name is None:
            name = f"jobs/{request.job_id or f'fake-{len(gateway.jobs) + 1}'}"
            gateway.requests[request.request_id] = name
            job = pb.Job(name=name, spec=request.job.spec, state=pb.JOB_STATE_QUEUED, trace_id=TRACE_ID)
            job.create_time.CopyFrom(WHEN)
            gateway.jobs[name] = Stored(job)
            if not script.hold:
                gateway.run(gateway.jobs[name])
        if script.create_breaks:
            await context.abort(script.create_breaks.pop(0), "cut")
        return gateway.jobs[name].job

    async def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.Job:  # noqa: N802 - gRPC's name
        self.gateway.calls["GetJob"] += 1
        return (await self._find(request.name, context)).job

    async def ListJobs(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:  # noqa: N802 - same
        self.gateway.calls["ListJobs"] += 1
        jobs = [each.job for each in reversed(self.gateway.jobs.values())]
        if request.filter:
            wanted = request.filter.rpartition(" ")[2]
            jobs = [job for job in jobs if pb.JobState.Name(job.state).endswith(wanted)]
        page, token = _page(jobs, request, self.gateway.script.page)
        return pb.ListJobsResponse(jobs=page, next_page_token=token)

    async def WatchJob(self, request: pb.WatchJobRequest, context: Any) -> AsyncIterator[pb.JobEvent]:  # noqa: N802 - same
        script = self.gateway.script
        self.gateway.watched_after.append(request.after_sequence)
        stored = await self._find(request.name, context)
        limit, code = script.watch_breaks.pop(0) if script.watch_breaks else (-1, grpc.StatusCode.OK)
        sent = 0
        try:
            async for event in self._story(stored, request.after_sequence):
                if sent == limit:
                    if code is not grpc.StatusCode.OK:
                        await context.abort(code, "cut")
                    return
                sent += 1
                yield event
        finally:
            self.gateway.left.set()

    async def _story(self, stored: Stored, after: int) -> AsyncIterator[pb.JobEvent]:
        yield pb.JobEvent(sequence=stored.job.sequence, snapshot=stored.job)
        for _ in range(self.gateway.script.heartbeats):
            yield pb.JobEvent(sequence=stored.job.sequence, heartbeat=pb.Heartbeat())
        told = after
        while True:
            for event in list(stored.events):
                if event.sequence > told:
                    told = event.sequence
                    yield event
            if stored.job.state in TERMINAL:
                break
            await stored.changed.wait()
        yield pb.JobEvent(sequence=stored.job.sequence, snapshot=stored.job)

    async def CancelJob(self, request: pb.CancelJobRequest, context: Any) -> pb.Job:  # noqa: N802 - same
        self.gateway.calls["CancelJob"] += 1
        stored = await self._find(request.name, context)
        if stored.job.state in TERMINAL and stored.job.state != pb.JOB_STATE_CANCELLED:
            await _abort(context, CollatioError(Reason.JOB_ALREADY_ENDED))
        stored.job.state = pb.JOB_STATE_CANCELLED
        stored.changed.set()
        return stored.job

    async def RetryJob(self, request: pb.RetryJobRequest, context: Any) -> pb.Job:  # noqa: N802 - same
        stored = await self._find(request.name, context)
        self.gateway.retried_from.append(request.from_stage)
        name = self.gateway.requests.setdefault(request.request_id, f"{request.name}-again")
        job = pb.Job(name=name, spec=stored.job.spec, retry_of=request.name, state=pb.JOB_STATE_QUEUED)
        self.gateway.jobs[name] = Stored(job)
        self.gateway.run(self.gateway.jobs[name])
        return job

    async def DeleteJob(self, request: pb.DeleteJobRequest, context: Any) -> empty_pb2.Empty:  # noqa: N802 - same
        stored = await self._find(request.name, context)
        if request.etag and request.etag != stored.job.etag:
            await _abort(context, CollatioError(Reason.ETAG_MISMATCH))
        del self.gateway.jobs[request.name]
        return empty_pb2.Empty()

    async def ListJobDocuments(  # noqa: N802 - same
        self, request: pb.ListJobDocumentsRequest, context: Any
    ) -> pb.ListJobDocumentsResponse:
        stored = await self._find(request.name, context)
        wanted = [each for each in stored.documents if request.state in {0, each.state}]
        page, token = _page(wanted, request, self.gateway.script.page)
        return pb.ListJobDocumentsResponse(documents=page, next_page_token=token)

    async def ListJobComparisons(  # noqa: N802 - same
        self, request: pb.ListJobComparisonsRequest, context: Any
    ) -> pb.ListJobComparisonsResponse:
        stored = await self._find(request.name, context)
        listed, token = _page(stored.comparisons, request, self.gateway.script.page)
        page = []
        for each in listed:
            copy = compare.Comparison()
            copy.CopyFrom(each)
            full = request.view == pb.COMPARISON_VIEW_FULL
            del copy.changes[self.gateway.script.changes_per_page if full else 0 :]
            page.append(copy)
        return pb.ListJobComparisonsResponse(comparisons=page, next_page_token=token)

    async def GetExtraction(  # noqa: N802 - same
        self, request: pb.GetExtractionRequest, context: Any
    ) -> AsyncIterator[extract.Extraction]:
        stored = await self._find(request.name, context)
        whole = stored.extractions.get(request.document_id)
        uri = next((each.uri for each in stored.documents if each.document_id == request.document_id), "")
        if whole is None or uri in self.gateway.script.gone:
            await _abort(context, CollatioError(Reason.DOCUMENT_NOT_FOUND))
            return
        first = extract.Extraction()
        first.CopyFrom(whole)
        del first.blocks[1:]
        yield first
        if self.gateway.script.part_breaks:
            await context.abort(self.gateway.script.part_breaks.pop(0), "cut")
        for block in whole.blocks[1:]:
            yield extract.Extraction(blocks=[block])

    async def GetComparison(  # noqa: N802 - same
        self, request: pb.GetComparisonRequest, context: Any
    ) -> AsyncIterator[compare.Comparison]:
        self.gateway.calls["GetComparison"] += 1
        stored = await self._find(request.name, context)
        for whole in stored.comparisons:
            if whole.comparison_id == request.comparison_id:
                first = compare.Comparison()
                first.CopyFrom(whole)
                del first.changes[1:]
                yield first
                for change in whole.changes[1:]:
                    yield compare.Comparison(changes=[change])
                return
        await _abort(context, CollatioError(Reason.COMPARISON_NOT_FOUND))

    async def GetConclusion(  # noqa: N802 - same
        self, request: pb.GetConclusionRequest, context: Any
    ) -> AsyncIterator[compare.CompareConclusion]:
        """Conclude that the first two documents are one cluster and a family, a part each."""
        stored = await self._find(request.name, context)
        ids = list(stored.extractions)[:2]
        yield compare.CompareConclusion(clusters=[compare.Cluster(document_ids=ids)])
        yield compare.CompareConclusion(
            families=[compare.Family(document_ids=ids[::-1], evidence=["date"])], candidates="exact"
        )

    async def _find(self, name: str, context: Any) -> Stored:
        try:
            return self.gateway.find(name)
        except CollatioError as error:
            await _abort(context, error)
            raise


class Blobs(gateway_pb2_grpc.BlobServiceServicer):
    """BlobService."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway

    async def UploadBlob(self, request_iterator: Any, context: Any) -> common.BlobRef:  # noqa: N802 - gRPC's name
        gateway, content, header = self.gateway, bytearray(), pb.UploadHeader()
        gateway.calls["UploadBlob"] += 1
        slot = len(gateway.received)
        gateway.received.append(0)
        async for request in request_iterator:
            if request.WhichOneof("piece") == "header":
                header = request.header
                if header.sha256 in gateway.blobs:
                    return _ref(gateway.blobs[header.sha256])
            else:
                assert len(request.data) <= 1 << 20
                content += request.data
                gateway.received[slot] += len(request.data)
        held = bytes(content)
        if header.sha256 != hashlib.sha256(held).hexdigest() or header.size_bytes != len(held):
            await _abort(context, CollatioError(Reason.BLOB_DIGEST_MISMATCH))
        gateway.blobs[header.sha256] = held
        return _ref(held)

    async def ReadBlob(  # noqa: N802 - gRPC's name
        self, request: pb.ReadBlobRequest, context: Any
    ) -> AsyncIterator[pb.ReadBlobResponse]:
        if request.sha256 not in self.gateway.blobs:
            await _abort(context, CollatioError(Reason.BLOB_NOT_FOUND))
        content = self.gateway.blobs[request.sha256][request.offset :]
        content = content[: request.limit] if request.limit else content
        for start in range(0, len(content), 1000):
            yield pb.ReadBlobResponse(data=content[start : start + 1000])
            if self.gateway.script.read_breaks:
                await context.abort(self.gateway.script.read_breaks.pop(0), "cut")


class Mesh(gateway_pb2_grpc.MeshServiceServicer):
    """MeshService."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway

    async def GetCapabilities(self, request: Any, context: Any) -> pb.Capabilities:  # noqa: N802 - gRPC's name
        return pb.Capabilities(version="0.1.0", schemes=["file", "https"])

    async def GetMeshStatus(self, request: Any, context: Any) -> pb.MeshStatus:  # noqa: N802 - gRPC's name
        stuck = common.StageStatus(
            stage=common.STAGE_EXTRACT,
            queue_depth=7,
            oldest_age_s=12.5,
            waiting_reason=common.WAITING_REASON_NO_WORKERS,
        )
        idle = [common.StageStatus(stage=each, workers_alive=2) for each in (1, 3)]  # type: ignore[arg-type] # numbers
        return pb.MeshStatus(version="0.1.0", open_jobs=1, stages=[idle[0], stuck, idle[1]])

    async def ListQuarantine(  # noqa: N802 - gRPC's name
        self, request: common.ListQuarantineRequest, context: Any
    ) -> common.ListQuarantineResponse:
        script = self.gateway.script
        steps = [
            common.QuarantinedStep(stage=stage, key=key, job="jobs/fake-1", document_attempts=3)
            for key, stage in script.quarantine.items()
            if request.stage in {0, stage}
        ]
        for step in steps:
            step.error.reason = "WORKER_LOST"
            step.quarantine_time.CopyFrom(END)
        page, token = _page(steps, request, script.page)
        return common.ListQuarantineResponse(steps=page, next_page_token=token)

    async def CollectBlobs(  # noqa: N802 - gRPC's name
        self, request: pb.CollectBlobsRequest, context: Any
    ) -> pb.CollectBlobsResponse:
        if request.HasField("min_age") and request.min_age.seconds < 3600:
            await _abort(context, invalid("min_age", "must be an hour or more"))
        return pb.CollectBlobsResponse(held_count=7, named_count=4, removed_count=2, removed_bytes=4096)

    async def ReplayQuarantine(  # noqa: N802 - gRPC's name
        self, request: common.ReplayQuarantineRequest, context: Any
    ) -> common.ReplayQuarantineResponse:
        if not request.stage:
            await _abort(context, invalid("stage", "must be set"))
        held = self.gateway.script.quarantine
        keys = [key for key in request.keys if held.get(key) == request.stage]
        for key in keys:
            del held[key]
        return common.ReplayQuarantineResponse(keys=keys)


def _ref(content: bytes) -> common.BlobRef:
    return common.BlobRef(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def _page(items: list[Any], request: Any, page: int) -> tuple[list[Any], str]:
    start = int(request.page_token or 0)
    end = start + min(page, request.page_size or page)
    return items[start:end], str(end) if end < len(items) else ""
