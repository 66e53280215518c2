"""The async Python client of a collatio mesh.

    async with Client("localhost:50050") as client:
        job = await client.submit(JobSpec(sources=[Source(uri="https://example.org/a.pdf")]))
        done = await client.wait(job.name)
        async for document in client.documents(done.name):
            ...

What it takes and gives are the messages of `collatio.v1`, named here, so that the contract's own comments
document them. A failed call raises `collatio.runtime.errors.CollatioError` with the reason to branch on.
"""

from __future__ import annotations

from collatio.client.client import Client
from collatio.client.dial import parse_targets
from collatio.client.messages import (
    AllPairsPlan,
    BaselinePlan,
    BlobRef,
    Capabilities,
    Change,
    ChangeCounts,
    ChangeKind,
    ChangeScope,
    CompareConclusion,
    CompareSpec,
    Comparison,
    ComparisonCounts,
    ComparisonStatus,
    ComparisonView,
    DocumentCounts,
    DocumentError,
    DocumentState,
    ExplicitPair,
    ExplicitPlan,
    Extraction,
    ExtractSpec,
    FailurePolicy,
    Job,
    JobDocument,
    JobEvent,
    JobSpec,
    JobState,
    MatchedPlan,
    MeshStatus,
    NearDuplicatesPlan,
    Place,
    QuarantinedStep,
    Similarity,
    Source,
    Stage,
    StageStatus,
    VersionsPlan,
    WaitingReason,
)
from collatio.client.watching import TERMINAL_STATES

__all__ = [
    "TERMINAL_STATES",
    "AllPairsPlan",
    "BaselinePlan",
    "BlobRef",
    "Capabilities",
    "Change",
    "ChangeCounts",
    "ChangeKind",
    "ChangeScope",
    "Client",
    "CompareConclusion",
    "CompareSpec",
    "Comparison",
    "ComparisonCounts",
    "ComparisonStatus",
    "ComparisonView",
    "DocumentCounts",
    "DocumentError",
    "DocumentState",
    "ExplicitPair",
    "ExplicitPlan",
    "ExtractSpec",
    "Extraction",
    "FailurePolicy",
    "Job",
    "JobDocument",
    "JobEvent",
    "JobSpec",
    "JobState",
    "MatchedPlan",
    "MeshStatus",
    "NearDuplicatesPlan",
    "Place",
    "QuarantinedStep",
    "Similarity",
    "Source",
    "Stage",
    "StageStatus",
    "VersionsPlan",
    "WaitingReason",
    "parse_targets",
]
