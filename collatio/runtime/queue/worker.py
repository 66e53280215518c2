"""A stage's worker pool: a Celery prefork worker that runs messages and announces itself to the ledger.

The parent loads the stage's code and forks; it opens no gRPC channel and no exporter. Each child opens what it
needs (its Valkey connection, its telemetry, its handler with a sandbox) when it starts.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.exceptions import TimeLimitExceeded, WorkerLostError
from celery.utils.log import mlevel

from collatio.runtime.errors import CollatioError
from collatio.runtime.failpoints import reach
from collatio.runtime.leash import die_with_parent
from collatio.runtime.ledger import commands
from collatio.runtime.ledger.ledger import Ledger
from collatio.runtime.queue.app import make_app, register
from collatio.runtime.queue.names import queue_name
from collatio.runtime.queue.notice import Notice
from collatio.runtime.queue.send import HEADER_JOB, HEADER_TENANT
from collatio.runtime.queue.stop import StopClock
from collatio.runtime.queue.work import MessageRun, Place
from collatio.runtime.stores import connect
from collatio.runtime.telemetry.messages import processing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collatio.runtime.ledger.limits import Limits
    from collatio.runtime.program import StageSettings
    from collatio.runtime.queue.outcome import Handler
    from collatio.runtime.telemetry.provider import Telemetry

logger = logging.getLogger(__name__)
FLUSH_S = 2.0


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What makes one stage's worker pool.

    `facts` are announced beside the engines. `make_handler` and `make_telemetry` run in each child.
    """

    stage: str
    state_url: str
    limits: Limits
    concurrency: int
    autoscale: str
    soft_shutdown_s: float
    tasks_per_child: int
    time_limit_s: float
    log_level: str
    engines: tuple[str, ...]
    facts: Mapping[str, Any]
    make_handler: Callable[[Telemetry], Handler]
    make_telemetry: Callable[[], Telemetry]

    @property
    def slots(self) -> int:
        """Steps the pool can run at the same time, once fully scaled."""
        return int(self.autoscale.partition(",")[0]) if self.autoscale else self.concurrency


def worker_plan(stage: str, settings: StageSettings, **more: Any) -> WorkerPlan:
    """Make a plan from a stage's settings and what the stage adds: see `WorkerPlan`."""
    return WorkerPlan(
        stage=stage,
        state_url=settings.state_url,
        limits=settings.limits,
        concurrency=settings.concurrency,
        autoscale=settings.autoscale,
        soft_shutdown_s=settings.soft_shutdown_s,
        tasks_per_child=settings.tasks_per_child,
        log_level=settings.log_level,
        **more,
    )


class _Child:
    """What one pool child holds for its life."""

    def __init__(self, plan: WorkerPlan, worker: str, stop: StopClock, notice: Notice) -> None:
        self._plan = plan
        self.telemetry = plan.make_telemetry()
        self._client = connect(plan.state_url)
        self._ledger = Ledger(self._client, plan.stage, plan.limits)
        self._handler = plan.make_handler(self.telemetry)
        self._place = Place(worker, plan.engines, stop, plan.time_limit_s)
        if not notice.written():
            telling = threading.Thread(target=lambda: notice.write(self._handler.facts()), daemon=True)
            telling.start()

    def run(self, message: str, steps: Sequence[str], headers: Mapping[str, str]) -> None:
        """Run one message under its CONSUMER span."""
        tenant, job = headers.get(HEADER_TENANT, ""), headers.get(HEADER_JOB, "")
        if not tenant or not job:
            logger.warning("a message without tenant or job was dropped")
            return
        with processing(
            self.telemetry.tracing,
            queue_name(self._plan.stage),
            headers,
            message_id=message,
            step_count=len(steps),
            instruments=self.telemetry.instruments,
        ):
            run = MessageRun(self._ledger, self._handler, self._place)
            run.run(tenant, job, message, steps)

    def close(self) -> None:
        """Let go of everything; what the handler has to tell at its end is delivered too."""
        self._handler.close()
        self.telemetry.shutdown(FLUSH_S)
        self._client.close()


class _Pool:
    """The parent's side: announcing, and telling the ledger of children that died."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._stop = StopClock(plan.soft_shutdown_s)
        self._notice = Notice()
        self._parent = os.getpid()
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._facts = {"engines": list(plan.engines), **plan.facts}
        self._ledger: Ledger | None = None
        self._child: _Child | None = None

    def run_message(self, message: str, steps: list[str], headers: dict[str, str]) -> None:
        """Run a message in this child."""
        assert self._child is not None, "worker_process_init has run"
        self._child.run(message, steps, headers)

    def on_child_start(self, **_: Any) -> None:
        """Open what a child needs. Runs after the fork."""
        die_with_parent(self._parent)
        self._child = _Child(self._plan, self._worker, self._stop, self._notice)

    def on_child_stop(self, *, exitcode: int, **_: Any) -> None:
        """Close it again, delivering what was traced.

        Where the whole pool stops, this ends the child: billiard has it wait a second for a signal from a parent
        that reads no more by then, and only waits for its children.
        """
        if self._child is not None:
            self._child.close()
        if self._stop.stopping():
            os._exit(exitcode)

    def on_ready(self, sender: Any, **_: Any) -> None:
        """Announce the pool, keep announcing it, and listen for the order to stop."""
        client = connect(
            self._plan.state_url, patience_s=0
        )  # a pool depends on this process: it must not wait
        self._ledger = Ledger(client, self._plan.stage, self._plan.limits)
        self._beat()
        sender.timer.call_repeatedly(self._plan.limits.worker_ttl_ms / 4000, self._beat)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._stopping(signal.getsignal(number)))

    def _stopping(self, then: Any) -> Callable[[int, Any], None]:
        def handle(number: int, frame: Any) -> None:
            self._stop.stop()
            if callable(then):
                then(number, frame)

        return handle

    def _beat(self) -> None:
        reach("worker.beat.before")
        info = json.dumps(
            {"host": socket.gethostname(), "pid": os.getpid(), **self._facts, **self._notice.read()}
        )
        self._tell(commands.beat(self._worker, self._plan.slots, self._plan.engines, info))

    def on_shutdown(self, **_: Any) -> None:
        """Take the announcement back."""
        self._tell(commands.retire(self._worker, self._plan.engines))

    def on_lost(self, exception: BaseException, args: Sequence[Any], **_: Any) -> None:
        """Tell the ledger that a child died with a message, so that nobody waits for its leases."""
        if isinstance(exception, (WorkerLostError, TimeLimitExceeded)) and len(args) == 2:
            reach("worker.abandon.before")
            self._tell(commands.abandon(str(args[0]), [str(key) for key in args[1]]))

    def _tell(self, command: commands.Command[None]) -> None:
        """Run a command in the parent. The store's absence is no reason to die: leases and beats recover."""
        if self._ledger is None:
            return
        try:
            self._ledger.run(command)
        except CollatioError:
            logger.warning("the state store is away", extra={"fields": {"command": command.script}})


def run_worker(plan: WorkerPlan) -> None:
    """Run a worker pool until it is told to stop: SIGTERM lets steps in hand finish, within the soft shutdown."""
    os.environ.setdefault(
        "REMAP_SIGTERM", "SIGQUIT"
    )  # SIGTERM begins the soft shutdown (RELIABILITY section 3)
    app = make_app(plan.stage, plan.state_url, soft_shutdown_s=plan.soft_shutdown_s)
    app.conf.worker_max_tasks_per_child = plan.tasks_per_child
    pool = _Pool(plan)
    register(app, plan.stage, pool.run_message)
    hooks: list[tuple[Any, Callable[..., None]]] = [
        (signals.worker_process_init, pool.on_child_start),
        (signals.worker_process_shutdown, pool.on_child_stop),
        (signals.worker_ready, pool.on_ready),
        (signals.worker_shutdown, pool.on_shutdown),
        (signals.task_failure, pool.on_lost),
    ]
    for hook, receiver in hooks:
        hook.connect(receiver, weak=False)
    # Not by `worker_main`: Celery's command line draws in a shell's toolkit, a third of a worker's start.
    worker = app.Worker(
        hostname=f"{plan.stage}-{os.getpid()}@{socket.gethostname()}",
        pool_cls="prefork",
        queues=[queue_name(plan.stage)],
        concurrency=plan.slots,
        autoscale=_bounds(plan.autoscale),
        loglevel=mlevel(plan.log_level),
        without_gossip=True,
        without_mingle=True,
    )
    worker.start()


def _bounds(autoscale: str) -> tuple[int, int] | None:
    """Read "MAX,MIN" processes; None where there is a fixed number."""
    most, _, least = autoscale.partition(",")
    return (int(most), int(least)) if autoscale else None
