"""A pool child's end: at once where the pool stops, Celery's own way otherwise."""

from __future__ import annotations

import os

import pytest

from collatio.runtime.ledger.limits import Limits
from collatio.runtime.queue.worker import WorkerPlan, _Pool

PLAN = WorkerPlan(
    stage="extract",
    state_url="redis://127.0.0.1:1/0",
    limits=Limits.for_leases(30, 60),
    concurrency=1,
    autoscale="",
    soft_shutdown_s=4,
    tasks_per_child=1_000,
    time_limit_s=60,
    log_level="INFO",
    engines=(),
    facts={},
    make_handler=lambda _: pytest.fail("no child was started"),
    make_telemetry=lambda: pytest.fail("no child was started"),
)


def end_of_child(*, stopping: bool) -> int:
    """Fork a pool child that Celery ends with status 7, and tell with which one it ended; 9: it went on."""
    pool = _Pool(PLAN)
    if stopping:
        pool._stop.stop()
    child = os.fork()
    if child == 0:
        try:
            pool.on_child_stop(pid=os.getpid(), exitcode=7)
        finally:
            os._exit(9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_of_a_stopping_pool_ends_at_once() -> None:
    """It does not wait a second for a signal that nobody sends any more."""
    assert end_of_child(stopping=True) == 7


def test_a_child_that_is_replaced_ends_as_celery_has_it() -> None:
    """Where the pool goes on, the parent is told of the child's end first."""
    assert end_of_child(stopping=False) == 9
