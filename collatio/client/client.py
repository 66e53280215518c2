"""The client: one object a mesh, one method an RPC, streams that mend themselves."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Self, TypeVar

import grpc.aio

from collatio.client.calls import Calls
from collatio.client.dial import has_choice, parse_targets, resolve
from collatio.client.messages import ComparisonView, DocumentState, Stage
from collatio.client.trying import Backoff, Link, Trying
from collatio.client.uploading import measure, send
from collatio.client.watching import REOPEN_AFTER_S, TERMINAL_STATES, follow
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.channel import open_channel
from collatio.v1 import common_pb2, gateway_pb2_grpc
from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from pathlib import Path

    from collatio.client.messages import (
        BlobRef,
        Capabilities,
        CollectBlobsResponse,
        CompareConclusion,
        Comparison,
        Extraction,
        Job,
        JobDocument,
        JobEvent,
        JobSpec,
        MeshStatus,
        QuarantinedStep,
    )

Part = TypeVar("Part", "Extraction", "Comparison", "CompareConclusion")
Request = TypeVar("Request")

_PAGE = 1000
_COLLECT_S = 3600.0
_JOB_SERVICE = "collatio.v1.JobService"


class Client:
    """Talk to a mesh through its gateways. Use it as an async context manager, from one event loop.

    `targets` are `host:port`, several as a sequence or separated by commas: calls go round robin over them
    and go on when one dies. The connection is in the clear. `metadata` goes with every call. `timeout_s` is
    that of a unary call, `stream_timeout_s` that of reading one result, `patience_s` how long a gateway that
    has answered before is waited for when it is gone. Clock, sleep and jitter are arguments for tests.

    Errors: every method raises `CollatioError`; its `reason` is the word to branch on, `violations` name bad
    fields, `retry_after_s` says when to come back. A failed document is not an error but a `JobDocument`.
    """

    def __init__(
        self,
        targets: str | Sequence[str],
        *,
        metadata: Sequence[tuple[str, str]] = (),
        timeout_s: float = 30.0,
        stream_timeout_s: float = 600.0,
        patience_s: float = 60.0,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._targets = parse_targets(targets)
        self._link = Link(",".join(self._targets), patience_s, backoff or Backoff(), sleep, monotonic, jitter)
        self._calls = Calls(self._link, tuple(metadata), timeout_s, stream_timeout_s)
        self._timeout_s = timeout_s
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Make the channels. Nothing is sent; names among several addresses are resolved."""
        try:
            target = await resolve(self._targets)
        except OSError as error:
            raise CollatioError(
                Reason.STAGE_UNAVAILABLE,
                f"The gateway's name cannot be resolved: {self._link.where}.",
                metadata={"gateway": self._link.where},
            ) from error
        choice = has_choice(self._targets)
        channel = await self._dial(target, _JOB_SERVICE if choice else "")
        self._jobs = gateway_pb2_grpc.JobServiceStub(channel)
        self._blobs = gateway_pb2_grpc.BlobServiceStub(channel)
        # The mesh's state is asked most when nothing is healthy.
        plain = await self._dial(target, "") if choice else channel
        self._mesh = gateway_pb2_grpc.MeshServiceStub(plain)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the channels; calls in flight are cancelled."""
        await self._open.aclose()

    async def _dial(self, target: str, health_service: str) -> grpc.aio.Channel:
        return await self._open.enter_async_context(open_channel(target, health_service=health_service))

    # Jobs

    async def submit(self, spec: JobSpec, *, job_id: str = "", request_id: str | None = None) -> Job:
        """Create a job and return it at once, accepted.

        `request_id` (a UUID4; unset: a fresh one) makes the call safe to repeat: the same id gives the same
        job, here when the connection breaks and to you when you ask again.
        """
        request = pb.CreateJobRequest(
            job=pb.Job(spec=spec), job_id=job_id, request_id=request_id or str(uuid.uuid4())
        )
        return await self._calls.unary(self._jobs.CreateJob, request)

    async def job(self, name: str) -> Job:
        """Read a job ("jobs/ID") as it is now."""
        return await self._calls.unary(self._jobs.GetJob, pb.GetJobRequest(name=name))

    async def jobs(self, filter: str = "", *, page_size: int = 50) -> AsyncGenerator[Job, None]:  # noqa: A002 - the field's name (AIP-160)
        """Yield the jobs that match a filter (`state = SUCCEEDED AND labels.team = "a"`), newest first."""
        token = ""
        while True:
            request = pb.ListJobsRequest(page_size=page_size, page_token=token, filter=filter)
            page = await self._calls.unary(self._jobs.ListJobs, request)
            for job in page.jobs:
                yield job
            if not (token := page.next_page_token):
                return

    async def watch(
        self, name: str, *, after_sequence: int = 0, heartbeats: bool = False
    ) -> AsyncGenerator[JobEvent, None]:
        """Yield what happens to a job: a snapshot, each event once and in order, last the ended job's snapshot.

        It opens itself again, from the last sequence seen, when a gateway or a connection goes. Close it
        (`contextlib.aclosing`) when you leave before the end. `heartbeats` are yielded on request.
        """

        def attach(after: int) -> AsyncGenerator[JobEvent, None]:
            request = pb.WatchJobRequest(name=name, after_sequence=after)
            return self._calls.stream(self._jobs.WatchJob, request, REOPEN_AFTER_S)

        async with aclosing(follow(attach, self._link, after_sequence=after_sequence)) as events:
            async for event in events:
                if heartbeats or event.WhichOneof("event") != "heartbeat":
                    yield event

    async def wait(self, name: str) -> Job:
        """Wait for a job's end and return it, whatever its outcome."""
        async with aclosing(self.watch(name)) as events:
            async for event in events:
                if event.WhichOneof("event") == "snapshot" and event.snapshot.state in TERMINAL_STATES:
                    return event.snapshot
        return await self.job(name)

    async def cancel(self, name: str, *, timeout_s: float | None = None) -> Job:
        """Ask a job to stop; work already done is kept."""
        return await self._calls.unary(
            self._jobs.CancelJob, pb.CancelJobRequest(name=name), timeout_s=timeout_s
        )

    async def retry(
        self,
        name: str,
        *,
        from_stage: Stage.ValueType = Stage.STAGE_UNSPECIFIED,
        request_id: str | None = None,
    ) -> Job:
        """Make a new job of an ended one: from a stage on, or (unspecified) its failed documents only."""
        request = pb.RetryJobRequest(
            name=name, from_stage=from_stage, request_id=request_id or str(uuid.uuid4())
        )
        return await self._calls.unary(self._jobs.RetryJob, request)

    async def delete(self, name: str, *, etag: str = "") -> None:
        """Delete an ended job and its results; with an etag, only if it is unchanged."""
        await self._calls.unary(self._jobs.DeleteJob, pb.DeleteJobRequest(name=name, etag=etag))

    # Results

    async def documents(
        self, name: str, state: DocumentState.ValueType = DocumentState.DOCUMENT_STATE_UNSPECIFIED
    ) -> AsyncGenerator[JobDocument, None]:
        """Yield a job's documents, or those in one state, in the order in which they were found."""
        token = ""
        while True:
            request = pb.ListJobDocumentsRequest(name=name, page_size=_PAGE, page_token=token, state=state)
            page = await self._calls.unary(self._jobs.ListJobDocuments, request)
            for document in page.documents:
                yield document
            if not (token := page.next_page_token):
                return

    async def comparisons(
        self,
        name: str,
        view: ComparisonView.ValueType = ComparisonView.COMPARISON_VIEW_BASIC,
        *,
        min_similarity: float | None = None,
        document_id: str = "",
    ) -> AsyncGenerator[Comparison, None]:
        """Yield a job's comparisons, without their changes unless `view` is FULL.

        In the full view a comparison with more changes than fit a page is read whole, by a call of its own.
        """
        token = ""
        while True:
            request = pb.ListJobComparisonsRequest(
                name=name,
                page_size=_PAGE,
                page_token=token,
                view=view,
                min_similarity=min_similarity,
                document_id=document_id,
            )
            page = await self._calls.unary(self._jobs.ListJobComparisons, request)
            for each in page.comparisons:
                whole = (
                    view != ComparisonView.COMPARISON_VIEW_FULL or len(each.changes) >= each.counts.changes
                )
                yield each if whole else await self.comparison(name, each.comparison_id)
            if not (token := page.next_page_token):
                return

    async def extraction(self, name: str, document_id: str) -> Extraction:
        """Read what a document says, its parts merged."""
        request = pb.GetExtractionRequest(name=name, document_id=document_id)
        return await self._link.again(lambda: self._merged(self._jobs.GetExtraction, request))

    async def comparison(self, name: str, comparison_id: str) -> Comparison:
        """Read a comparison with all its changes, its parts merged."""
        request = pb.GetComparisonRequest(name=name, comparison_id=comparison_id)
        return await self._link.again(lambda: self._merged(self._jobs.GetComparison, request))

    async def conclusion(self, name: str) -> CompareConclusion:
        """Read what a job's plan concluded over all documents, its parts merged; empty where it concluded nothing."""
        request = pb.GetConclusionRequest(name=name)
        return await self._link.again(lambda: self._merged(self._jobs.GetConclusion, request))

    async def report(self, name: str, form: str = "html") -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a report on an ended job: "html", one page; "csv", a row a document; or "json"."""
        format_ = pb.ReportFormat.Value(f"REPORT_FORMAT_{form.upper()}")
        request = pb.GetJobReportRequest(name=name, format=format_)
        trying = Trying(self._link)
        begun = False
        while True:
            try:
                async with aclosing(self._calls.stream(self._jobs.GetJobReport, request)) as chunks:
                    async for chunk in chunks:
                        begun = True
                        yield chunk.data
            except grpc.aio.AioRpcError as error:
                if begun:  # what was handed on cannot be taken back
                    raise self._link.error(error) from error
                await trying.failed(error)
            else:
                trying.answered()
                return

    async def _merged(
        self, method: grpc.aio.UnaryStreamMultiCallable[Request, Part], request: Request
    ) -> Part:
        whole: Part | None = None
        async with aclosing(self._calls.stream(method, request)) as parts:
            async for part in parts:
                if whole is None:
                    whole = part
                else:
                    whole.MergeFrom(part)
        if whole is None:
            raise CollatioError(Reason.INTERNAL, "The gateway sent an empty result.")
        return whole

    # Blobs

    async def upload(self, source: Path | bytes) -> BlobRef:
        """Put a file, or bytes, into the mesh. Bytes that it holds already are not sent.

        Errors: OSError too, where the file cannot be read; BLOB_DIGEST_MISMATCH where it changed meanwhile.
        """
        content = await measure(source)
        method, metadata = self._blobs.UploadBlob, self._calls.metadata
        return await self._link.again(lambda: send(method, content, self._timeout_s, metadata))

    async def read_blob(self, sha256: str, *, offset: int = 0, limit: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield a blob's bytes, or a range of them (`limit` 0: to the end), in chunks."""
        got, trying = 0, Trying(self._link)
        while True:
            request = pb.ReadBlobRequest(sha256=sha256, offset=offset + got, limit=max(0, limit - got))
            try:
                async with aclosing(self._calls.stream(self._blobs.ReadBlob, request)) as chunks:
                    async for chunk in chunks:
                        trying.answered()
                        got += len(chunk.data)
                        yield chunk.data
            except grpc.aio.AioRpcError as error:
                if limit and got >= limit:  # nothing is missing, and a limit of 0 would ask for the rest
                    return
                await trying.failed(error)
            else:
                return

    # The mesh

    async def capabilities(self) -> Capabilities:
        """Read what the mesh can do."""
        return await self._calls.unary(self._mesh.GetCapabilities, pb.GetCapabilitiesRequest())

    async def mesh_status(self) -> MeshStatus:
        """Read the state of each stage; answered while Valkey is down."""
        return await self._calls.unary(self._mesh.GetMeshStatus, pb.GetMeshStatusRequest())

    async def list_quarantine(
        self, stage: Stage.ValueType = Stage.STAGE_UNSPECIFIED
    ) -> AsyncGenerator[QuarantinedStep, None]:
        """Yield the steps that were given up on, of one stage or of all."""
        token = ""
        while True:
            request = common_pb2.ListQuarantineRequest(stage=stage, page_size=_PAGE, page_token=token)
            page = await self._calls.unary(self._mesh.ListQuarantine, request)
            for step in page.steps:
                yield step
            if not (token := page.next_page_token):
                return

    async def replay_quarantine(self, stage: Stage.ValueType, keys: Sequence[str]) -> list[str]:
        """Let steps of a stage be tried again; returns the keys that were in quarantine.

        They run when a job next asks for them: `retry` the job that met them. At most 1,000 keys a call.
        """
        request = common_pb2.ReplayQuarantineRequest(stage=stage, keys=keys)
        return list((await self._calls.unary(self._mesh.ReplayQuarantine, request)).keys)

    async def collect_blobs(
        self, *, min_age_s: float | None = None, dry_run: bool = False
    ) -> CollectBlobsResponse:
        """Have blobs removed that nothing names and nobody used for so long; or have them counted."""
        request = pb.CollectBlobsRequest(dry_run=dry_run)
        if min_age_s is not None:
            request.min_age.FromMilliseconds(round(min_age_s * 1000))
        return await self._calls.unary(self._mesh.CollectBlobs, request, timeout_s=_COLLECT_S)
