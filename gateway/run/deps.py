"""What every run of a gateway works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.telemetry.tracing import Tracing
    from gateway.journal.journal import Journal
    from gateway.run.stages import Stages


@dataclass(frozen=True, slots=True)
class RunDeps:
    """Handed to every run. `documents_max` bounds a job's documents."""

    journal: Journal
    stages: Stages
    blobs: BlobStore
    tracing: Tracing
    wall_ms: Callable[[], int]
    documents_max: int
