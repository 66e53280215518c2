"""What a fake gateway and its services both hold: constants, and a job as it is stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from collatio.v1 import compare_pb2 as compare
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    pass

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TERMINAL = {pb.JOB_STATE_SUCCEEDED, pb.JOB_STATE_FAILED, pb.JOB_STATE_CANCELLED, pb.JOB_STATE_EXPIRED}
CORRUPT = b"%CORRUPT"
SCAN = b"%SCAN"
WHEN = Timestamp(seconds=1_780_000_000)
END = Timestamp(seconds=1_780_000_002)


@dataclass
class Stored:
    """A job and what came of it."""

    job: pb.Job
    documents: list[pb.JobDocument] = field(default_factory=list)
    extractions: dict[str, extract.Extraction] = field(default_factory=dict)
    comparisons: list[compare.Comparison] = field(default_factory=list)
    events: list[pb.JobEvent] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
