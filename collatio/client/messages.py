"""The messages of `collatio.v1` that a caller of the client meets, under one name each.

Only this package touches the generated bindings; everything else in `collatio`, the command included, takes
them from here.
"""

from __future__ import annotations

from collatio.v1.common_pb2 import BlobRef, DocumentError, Source, Stage, StageStatus, WaitingReason
from collatio.v1.compare_pb2 import (
    AllPairsPlan,
    BaselinePlan,
    Change,
    ChangeCounts,
    ChangeKind,
    ChangeScope,
    CompareConclusion,
    ComparedDocument,
    CompareSpec,
    Comparison,
    ComparisonStatus,
    ExplicitPair,
    ExplicitPlan,
    MatchedPlan,
    NearDuplicatesPlan,
    Place,
    Similarity,
    VersionsPlan,
)
from collatio.v1.extract_pb2 import Block, BlockKind, Extraction, ExtractSpec, Metadata, Table
from collatio.v1.extract_pb2 import Warning as DocumentWarning
from collatio.v1.gateway_pb2 import (
    Capabilities,
    ComparisonCounts,
    ComparisonView,
    DocumentCounts,
    DocumentState,
    FailurePolicy,
    Job,
    JobDocument,
    JobEvent,
    JobSpec,
    JobState,
    MeshStatus,
)

__all__ = [
    "AllPairsPlan",
    "BaselinePlan",
    "BlobRef",
    "Block",
    "BlockKind",
    "Capabilities",
    "Change",
    "ChangeCounts",
    "ChangeKind",
    "ChangeScope",
    "CompareConclusion",
    "CompareSpec",
    "ComparedDocument",
    "Comparison",
    "ComparisonCounts",
    "ComparisonStatus",
    "ComparisonView",
    "DocumentCounts",
    "DocumentError",
    "DocumentState",
    "DocumentWarning",
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
    "Metadata",
    "NearDuplicatesPlan",
    "Place",
    "Similarity",
    "Source",
    "Stage",
    "StageStatus",
    "Table",
    "VersionsPlan",
    "WaitingReason",
]
