"""Stages as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.client.messages import Stage, WaitingReason

if TYPE_CHECKING:
    from collatio.client.messages import StageStatus

STAGES_HEAD = (
    "STAGE",
    "WAITING",
    "OLDEST_S",
    "IN_FLIGHT",
    "WORKERS",
    "SLOTS",
    "PER_S",
    "QUARANTINED",
    "WHY",
)


def stage_row(status: StageStatus) -> tuple[str, ...]:
    """Make a stage's row."""
    why = WaitingReason.Name(status.waiting_reason).removeprefix("WAITING_REASON_")
    return (
        Stage.Name(status.stage).removeprefix("STAGE_").lower(),
        str(status.queue_depth),
        f"{status.oldest_age_s:.1f}",
        str(status.in_flight),
        str(status.workers_alive),
        str(status.worker_slots),
        f"{status.rate_per_s:.1f}",
        str(status.quarantined),
        status.unavailable or ("" if why == "UNSPECIFIED" else why),
    )


def stage_of(name: str | None) -> Stage.ValueType:
    """Give the stage of a name as typed ("extract"); none: unspecified."""
    return Stage.Value(f"STAGE_{(name or 'unspecified').upper()}")


def stage_name(stage: Stage.ValueType) -> str:
    """Name a stage as people type it; one that is newer than this client by its number."""
    return Stage.Name(stage).removeprefix("STAGE_").lower() if stage in Stage.values() else str(stage)
