"""Jobs as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.cli.conduct import state_of
from collatio.client.messages import WaitingReason

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from collatio.client.messages import Job

JOBS_HEAD = ("JOB", "STATE", "CREATED", "DOCUMENTS", "FAILED", "COMPARED", "LABELS")


def job_name(text: str) -> str:
    """Complete a job's name: "jobs/ID" or just the ID."""
    return text if text.startswith("jobs/") else f"jobs/{text}"


def job_row(job: Job) -> tuple[str, ...]:
    """Make a job's row in a list of jobs."""
    return (
        job.name,
        state_of(job),
        _time(job.create_time),
        f"{job.documents.extracted}/{job.documents.found}",
        str(job.documents.failed),
        f"{job.comparisons.compared}/{job.comparisons.planned}",
        _labels(job),
    )


def job_facts(job: Job) -> list[tuple[str, str]]:
    """List what is known of one job, as (name, value); what is unset is left out."""
    documents, pairs = job.documents, job.comparisons
    facts = [
        ("job", job.name),
        ("state", state_of(job)),
        ("reason", job.error.reason),
        ("message", job.error.message),
        ("waiting", _waiting(job)),
        ("created", _time(job.create_time) if job.HasField("create_time") else ""),
        ("started", _time(job.start_time) if job.HasField("start_time") else ""),
        ("ended", _time(job.end_time) if job.HasField("end_time") else ""),
        ("expires", _time(job.expire_time) if job.HasField("expire_time") else ""),
        ("found", f"{documents.found}{'' if documents.listing_done else '+'}"),
        ("fetched", f"{documents.fetched} ({documents.fetch_reused} known already)"),
        ("extracted", f"{documents.extracted} ({documents.extract_reused} known already)"),
        ("failed", str(documents.failed)),
        ("pairs", str(pairs.planned) if job.spec.HasField("compare") else ""),
        ("compared", f"{pairs.compared} ({pairs.reused} known already)" if pairs.planned else ""),
        ("not comparable", str(pairs.not_comparable or "")),
        ("pairs failed", str(pairs.failed or "")),
        ("labels", _labels(job)),
        ("retry of", job.retry_of),
        ("trace", job.trace_id),
    ]
    return [(name, value) for name, value in facts if value]


def _waiting(job: Job) -> str:
    if not job.waiting_reason:
        return ""
    reason = WaitingReason.Name(job.waiting_reason).removeprefix("WAITING_REASON_")
    return f"{reason} since {_time(job.waiting_since)}"


def _labels(job: Job) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(job.spec.labels.items()))


def _time(time: Timestamp) -> str:
    """Write a time to the second, UTC."""
    return time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ")
