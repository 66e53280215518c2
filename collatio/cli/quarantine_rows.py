"""Quarantined steps as rows of a table, and to which stage a key belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.cli.stage_rows import stage_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from collatio.client.messages import QuarantinedStep, Stage

STEPS_HEAD = ("STAGE", "KEY", "JOB", "REASON", "TRIED", "LOST", "SINCE")


def step_row(step: QuarantinedStep) -> tuple[str, ...]:
    """Make a step's row; attempts are those charged to the document, then to lost workers."""
    since = step.quarantine_time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        stage_name(step.stage),
        step.key,
        step.job,
        step.error.reason,
        str(step.document_attempts),
        str(step.infrastructure_attempts),
        since if step.HasField("quarantine_time") else "",
    )


async def by_stage(
    steps: AsyncIterable[QuarantinedStep], keys: Iterable[str]
) -> dict[Stage.ValueType, list[str]]:
    """Sort keys by the stage in whose quarantine they are; others are left out."""
    wanted = dict.fromkeys(keys)
    found: dict[Stage.ValueType, list[str]] = {}
    async for step in steps:
        if step.key in wanted:
            found.setdefault(step.stage, []).append(step.key)
    return found
