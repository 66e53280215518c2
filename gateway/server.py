"""JobService: validate, journal, answer. The work itself is done by whichever gateway holds the job's lease."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry import trace

from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.failpoints import reach
from collatio.runtime.rpc.stage import decode_offset, encode_offset, page_size, tenant_of
from collatio.runtime.telemetry.job_spans import job_accepted
from collatio.runtime.telemetry.names import JOB_ID
from collatio.runtime.telemetry.traceparent import traceparent_of
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc
from collatio.v1.common_pb2 import Stage
from gateway import validate
from gateway.inline import store_inline
from gateway.journal.record import JobRef
from gateway.listing import Filter, decode_place, encode_place
from gateway.results import Results
from gateway.watching import watch_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.telemetry.tracing import Tracing
    from collatio.v1 import compare_pb2, extract_pb2
    from gateway.journal.journal import Journal
    from gateway.load import Load
    from gateway.reporting import Reports
    from gateway.watching import Feed

SERVICE = "collatio.v1.JobService"
JOBS_PAGE, DOCUMENTS_PAGE = 50, 100
JOBS_CHUNK, SCAN_MAX = 200, 5_000
PAGE_BYTES = 3 << 20
_NAME = re.compile(r"jobs/([a-z0-9][a-z0-9-]{0,62})")
_FORMS = {
    pb.REPORT_FORMAT_UNSPECIFIED: "html",
    pb.REPORT_FORMAT_HTML: "html",
    pb.REPORT_FORMAT_CSV: "csv",
    pb.REPORT_FORMAT_JSON: "json",
}
_ETAG = re.compile(r"[a-z]{1,16}-([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the servicer works with. `jobs_open_max` is a tenant's."""

    journal: Journal
    feed: Feed
    load: Load
    blobs: BlobStore
    tracing: Tracing
    reports: Reports
    jobs_open_max: int


def job_ref(context: Any, name: str) -> JobRef:
    """Read a job's name for the calling tenant. Errors: INVALID_REQUEST."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise invalid("name", 'must be "jobs/ID"')
    return JobRef(tenant_of(context), found[1])


def _digest(spec: pb.JobSpec, *named: str) -> str:
    """Return what tells two requests with one request id apart."""
    canonical = spec.SerializeToString(deterministic=True) + "\n".join(named).encode()
    return hashlib.sha256(canonical).hexdigest()


class JobServicer(gateway_pb2_grpc.JobServiceServicer):
    """The service's methods."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._results = Results(desk.journal, desk.blobs)

    async def CreateJob(self, request: pb.CreateJobRequest, context: Any) -> pb.Job:  # noqa: N802 - the RPC's name
        """Accept a job."""
        validate.create_job(request)
        tenant = tenant_of(context)
        spec = request.job.spec
        body = _digest(spec, request.job_id)
        refusal = await self._desk.load.refusal()
        kept = spec if refusal else await store_inline(self._desk.blobs, tenant, spec)
        return await self._accept(tenant, kept, body, request.job_id, request.request_id, refusal=refusal)

    async def _accept(
        self,
        tenant: str,
        kept: pb.JobSpec,
        body: str,
        job_id: str,
        request_id: str,
        *,
        retry_of: str = "",
        retry_stage: int = 0,
        refusal: CollatioError | None,
    ) -> pb.Job:
        ref = JobRef(tenant, job_id or await self._desk.journal.new_id())
        accepted = job_accepted(self._desk.tracing, ref.job_id)
        reach("gateway.create.before")
        made, _ = await self._desk.journal.create(
            ref,
            kept,
            request_id=request_id,
            body=body,
            trace=traceparent_of(accepted),
            retry_of=retry_of,
            retry_stage=retry_stage,
            jobs_max=self._desk.jobs_open_max,
            refusal=refusal,
        )
        reach("gateway.create.after")
        trace.get_current_span().set_attribute(JOB_ID, made.job_id)
        return (await self._desk.journal.read(made)).to_job()

    async def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.Job:  # noqa: N802 - the RPC's name
        """Answer with a job as it is now."""
        job = (await self._desk.journal.read(job_ref(context, request.name))).to_job()
        await self._desk.load.tell_waiting(job)
        return job

    async def ListJobs(  # noqa: N802 - the RPC's name
        self, request: pb.ListJobsRequest, context: Any
    ) -> pb.ListJobsResponse:
        """Answer with a page of jobs, newest first."""
        size = page_size(request.page_size, JOBS_PAGE)
        wanted = Filter.parse(request.filter)
        before = decode_place(request.page_token, request.filter)
        tenant = tenant_of(context)
        jobs: list[pb.Job] = []
        looked_at, room = 0, PAGE_BYTES
        while len(jobs) < size and looked_at < SCAN_MAX and room > 0:
            ids = await self._desk.journal.list_ids(tenant, before, max(size, JOBS_CHUNK))
            if not ids:
                return pb.ListJobsResponse(jobs=jobs)
            records = await self._desk.journal.read_many([JobRef(tenant, job_id) for _, job_id in ids])
            looked_at += len(ids)
            for place, record in zip(ids, records, strict=True):
                job = None if record is None else record.to_job()
                if job is not None and wanted.matches(job):
                    room -= job.ByteSize()
                    if jobs and room < 0:
                        break
                    jobs.append(job)
                before = place
                if len(jobs) == size:
                    break
        assert before is not None, "a page that is full, or was long looked for, has a last job"
        more = await self._desk.journal.list_ids(tenant, before, 1)
        token = encode_place(before, request.filter) if more else ""
        return pb.ListJobsResponse(jobs=jobs, next_page_token=token)

    async def WatchJob(  # noqa: N802 - the RPC's name
        self, request: pb.WatchJobRequest, context: Any
    ) -> AsyncIterator[pb.JobEvent]:
        """Stream a job's events until it ends."""
        if request.after_sequence < 0:
            raise invalid("after_sequence", "must not be negative")
        ref = job_ref(context, request.name)
        desk, tell = self._desk, self._desk.load.tell_waiting
        events = watch_job(desk.journal, desk.feed, ref, request.after_sequence, tell_waiting=tell)
        async for event in events:
            yield event

    async def CancelJob(self, request: pb.CancelJobRequest, context: Any) -> pb.Job:  # noqa: N802 - the RPC's name
        """Ask a job to stop."""
        ref = job_ref(context, request.name)
        event = pb.JobEvent(state_change=pb.Job(name=ref.name, state=pb.JOB_STATE_CANCELLING))
        now = Timestamp()
        now.GetCurrentTime()
        event.time.CopyFrom(now)
        await self._desk.journal.cancel(ref, event)
        reach("gateway.cancel.after")
        return (await self._desk.journal.read(ref)).to_job()

    async def RetryJob(self, request: pb.RetryJobRequest, context: Any) -> pb.Job:  # noqa: N802 - the RPC's name
        """Make a new job from an ended one."""
        faults = validate.Faults()
        validate.check_request_id(faults, request.request_id)
        faults.check(request.from_stage in Stage.values(), "from_stage", "is not a stage")
        faults.raise_any()
        ref = job_ref(context, request.name)
        record = await self._desk.journal.read(ref)
        if not record.ended:
            raise CollatioError(Reason.JOB_NOT_ENDED)
        if record.state == "EXPIRED" and request.from_stage != Stage.STAGE_FETCH:
            raise CollatioError(
                Reason.JOB_EXPIRED, "The outcomes to keep have expired; it can be retried from fetch alone."
            )
        body = _digest(record.spec, "", ref.name, Stage.Name(request.from_stage))
        return await self._accept(
            ref.tenant,
            record.spec,
            body,
            "",
            request.request_id,
            retry_of=ref.name,
            retry_stage=request.from_stage,
            refusal=await self._desk.load.refusal(),
        )

    async def DeleteJob(self, request: pb.DeleteJobRequest, context: Any) -> Empty:  # noqa: N802 - the RPC's name
        """Delete an ended job."""
        sequence = -1
        ref = job_ref(context, request.name)
        if request.etag:
            found = _ETAG.fullmatch(request.etag)
            if found is None:
                raise invalid("etag", "is not a job's")
            sequence = int(found[1])
        await self._desk.journal.remove(ref, sequence)
        return Empty()

    async def ListJobDocuments(  # noqa: N802 - the RPC's name
        self, request: pb.ListJobDocumentsRequest, context: Any
    ) -> pb.ListJobDocumentsResponse:
        """Answer with a page of a job's documents."""
        size = page_size(request.page_size, DOCUMENTS_PAGE)
        ref = job_ref(context, request.name)
        offset = decode_offset(request.page_token)
        if request.state not in pb.DocumentState.values():
            raise invalid("state", "is not a document's state")
        await self._results.live(ref)
        page: list[pb.JobDocument] = []
        room = PAGE_BYTES
        while len(page) < size and room > 0:
            found = await self._desk.journal.documents(ref, offset, size)
            if not found:
                return pb.ListJobDocumentsResponse(documents=page)
            for document in found:
                if not request.state or document.state == request.state:
                    room -= document.ByteSize()
                    if page and room < 0:
                        break
                    page.append(document)
                offset += 1
                if len(page) == size:
                    break
        more = await self._desk.journal.documents(ref, offset, 1)
        return pb.ListJobDocumentsResponse(
            documents=page, next_page_token=encode_offset(offset) if more else ""
        )

    async def ListJobComparisons(  # noqa: N802 - the RPC's name
        self, request: pb.ListJobComparisonsRequest, context: Any
    ) -> pb.ListJobComparisonsResponse:
        """Answer with a page of a job's comparisons."""
        return await self._results.comparisons(job_ref(context, request.name), request)

    async def GetExtraction(  # noqa: N802 - the RPC's name
        self, request: pb.GetExtractionRequest, context: Any
    ) -> AsyncIterator[extract_pb2.Extraction]:
        """Stream a document's extraction in parts."""
        async for part in self._results.extraction(job_ref(context, request.name), request.document_id):
            yield part

    async def GetComparison(  # noqa: N802 - the RPC's name
        self, request: pb.GetComparisonRequest, context: Any
    ) -> AsyncIterator[compare_pb2.Comparison]:
        """Stream a comparison in parts."""
        async for part in self._results.comparison(job_ref(context, request.name), request.comparison_id):
            yield part

    async def GetConclusion(  # noqa: N802 - the RPC's name
        self, request: pb.GetConclusionRequest, context: Any
    ) -> AsyncIterator[compare_pb2.CompareConclusion]:
        """Stream what the plan concluded."""
        async for part in self._results.conclusion(job_ref(context, request.name)):
            yield part

    async def GetJobReport(  # noqa: N802 - the RPC's name
        self, request: pb.GetJobReportRequest, context: Any
    ) -> AsyncIterator[pb.GetJobReportResponse]:
        """Stream a report on an ended job."""
        ref = job_ref(context, request.name)
        form = _FORMS.get(request.format)
        if form is None:
            raise invalid("format", "is not a report's format")
        if not (await self._results.live(ref)).ended:
            raise CollatioError(Reason.JOB_NOT_ENDED)
        async for data in self._desk.reports.chunks(ref, form):
            yield pb.GetJobReportResponse(data=data)
