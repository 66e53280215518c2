"""A new job's spec from an ended job's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collatio.v1 import common_pb2


def retried(spec: pb.JobSpec, from_stage: common_pb2.Stage.ValueType) -> pb.JobSpec:  # noqa: ARG001 - see below
    """Return the spec of a retry: the job's own.

    Every stage knows what it has done by content, so the retry redoes what failed and reuses the rest; fetch
    steps belong to a job and run again, reusing unchanged bytes by their validators.
    """
    made = pb.JobSpec()
    made.CopyFrom(spec)
    return made
