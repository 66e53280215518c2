"""Names of queues and tasks, for those who must not load Celery to know them."""

from __future__ import annotations


def queue_name(stage: str) -> str:
    """Return the name of a stage's queue."""
    return f"collatio.{stage}"


def task_name(stage: str) -> str:
    """Return the name of the one task of a stage: run a message."""
    return f"collatio.{stage}.run"
