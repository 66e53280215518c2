"""A job as the journal holds it, and as callers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from collatio.v1 import gateway_pb2 as pb
from gateway.inline import kept_name

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class JobRef:
    """Whose job, and which."""

    tenant: str
    job_id: str

    @property
    def key(self) -> str:
        """How the journal names it."""
        return f"{self.tenant}/{self.job_id}"

    @property
    def name(self) -> str:
        """How callers name it."""
        return f"jobs/{self.job_id}"

    @classmethod
    def of(cls, key: str) -> JobRef:
        """Read the journal's name back."""
        tenant, _, job_id = key.partition("/")
        return cls(tenant, job_id)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job's hash, decoded. Times in ms since the epoch, 0 where there is none.

    `retry_stage` is the stage that a retry begins at, 0: its failed documents only. `kept` is set once what it
    keeps stands in its journal: the digest of a list of documents to fetch again.
    """

    ref: JobRef
    state: str
    epoch: int
    spec: pb.JobSpec
    created_ms: int
    started_ms: int
    ended_ms: int
    expires_ms: int
    reason: str
    message: str
    documents: pb.DocumentCounts
    comparisons: pb.ComparisonCounts
    plan: str
    conclusion: str
    trace: str
    run_trace: str
    retry_of: str
    retry_stage: int
    kept: str
    sequence: int

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return self.state in {"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"}

    @classmethod
    def decode(cls, ref: JobRef, found: Mapping[bytes, bytes], sequence: int) -> JobRecord:
        """Read a hash as Valkey gives it."""

        def text(name: str) -> str:
            return found.get(name.encode(), b"").decode()

        def number(name: str) -> int:
            return int(found.get(name.encode(), b"0") or b"0")

        return cls(
            ref=ref,
            state=text("state"),
            epoch=number("epoch"),
            spec=pb.JobSpec.FromString(found.get(b"spec", b"")),
            created_ms=number("created"),
            started_ms=number("started"),
            ended_ms=number("ended"),
            expires_ms=number("expires"),
            reason=text("reason"),
            message=text("message"),
            documents=pb.DocumentCounts.FromString(found.get(b"documents", b"")),
            comparisons=pb.ComparisonCounts.FromString(found.get(b"comparisons", b"")),
            plan=text("plan"),
            conclusion=text("conclusion"),
            trace=text("trace"),
            run_trace=text("run_trace"),
            retry_of=text("retry_of"),
            retry_stage=number("retry_stage"),
            kept=text("kept"),
            sequence=sequence,
        )

    def to_job(self) -> pb.Job:
        """Make the resource callers see."""
        job = pb.Job(
            name=self.ref.name,
            spec=self.spec,
            state=pb.JobState.Value(f"JOB_STATE_{self.state}"),
            create_time=_timestamp(self.created_ms),
            start_time=_timestamp(self.started_ms),
            end_time=_timestamp(self.ended_ms),
            expire_time=_timestamp(self.expires_ms),
            documents=self.documents,
            comparisons=self.comparisons,
            sequence=self.sequence,
            trace_id=self.trace.split("-")[1] if self.trace.count("-") == 3 else "",
            etag=f"{self.state.lower()}-{self.sequence}",
            retry_of=self.retry_of,
        )
        baseline = [job.spec.compare.baseline.source] if job.spec.compare.HasField("baseline") else []
        for source in (*job.spec.sources, *baseline):
            if source.HasField("inline"):
                source.inline.name = kept_name(source.inline)[1]
        if job.spec.extract.passwords:
            job.spec.extract.ClearField("passwords")
        if self.reason:
            job.error.reason, job.error.message = self.reason, self.message
        return job


def _timestamp(ms: int) -> Timestamp | None:
    if not ms:
        return None
    made = Timestamp()
    made.FromMilliseconds(ms)
    return made
