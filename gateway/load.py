"""How much more the mesh can take, and what its jobs wait for: asked of the stages and of Valkey once a second.

A stage that is slow to answer holds no caller back: after a moment the last answer counts.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger.ledger import STORE_ERRORS
from collatio.runtime.telemetry.tracing import suppressed
from collatio.v1 import common_pb2
from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from redis.asyncio import Redis

FRESH_S = 1.0
PATIENCE_S = 0.25
MEMORY_MAX = 0.85
MEMORY_RETRY_S = 10.0
RETRY_S_MIN, RETRY_S_MAX = 1.0, 300.0
IDLE_RETRY_S = 60.0
BEGINS_WITHIN_NS = 1_000_000_000


class StatusSource(Protocol):
    """Who knows how the stages are."""

    async def statuses(self) -> Sequence[common_pb2.StageStatus]:
        """Ask every stage; one that does not answer says so in its status."""
        ...


class Load:
    """The mesh's load as last seen. `backlog_max` is in steps a stage; `clock` in seconds.

    `wall_ns` is the time of day, in ns since the epoch.
    """

    def __init__(
        self,
        stages: StatusSource,
        client: Redis,
        backlog_max: int,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._stages, self._backlog_max, self._clock = stages, backlog_max, clock
        self._wall_ns = wall_ns
        self._away: dict[common_pb2.Stage.ValueType, int] = {}
        self._client: Any = client  # its answers are typed for two protocols at once
        self._statuses: Sequence[common_pb2.StageStatus] = ()
        self._memory = 0.0
        self._seen: float | None = None
        self._looking: asyncio.Task[None] | None = None

    async def refusal(self) -> CollatioError | None:
        """Return why no further job is taken: STATE_STORE_FULL or BACKLOG_FULL; None: it is."""
        await self._look()
        if self._memory >= MEMORY_MAX:
            return CollatioError(
                Reason.STATE_STORE_FULL,
                f"Valkey's memory is {self._memory:.0%} full; what is left is kept for running jobs.",
                retry_after_s=MEMORY_RETRY_S,
            )
        for status in self._statuses:
            if status.queue_depth > self._backlog_max:
                return self._backlog_full(status)
        return None

    def _backlog_full(self, status: common_pb2.StageStatus) -> CollatioError:
        stage = common_pb2.Stage.Name(status.stage).removeprefix("STAGE_").lower()
        excess = status.queue_depth - self._backlog_max
        wait_s = excess / status.rate_per_s if status.rate_per_s > 0 else IDLE_RETRY_S
        return CollatioError(
            Reason.BACKLOG_FULL,
            f"{status.queue_depth:,} steps wait at the {stage} stage; {self._backlog_max:,} are accepted.",
            retry_after_s=min(max(wait_s, RETRY_S_MIN), RETRY_S_MAX),
        )

    async def tell_waiting(self, job: pb.Job) -> None:
        """Write into a job that is queued or running why nothing moves, and since when, if nothing does."""
        if job.state == pb.JOB_STATE_QUEUED:
            since = job.create_time.ToNanoseconds()
            if self._wall_ns() - since >= BEGINS_WITHIN_NS:
                job.waiting_reason = common_pb2.WAITING_REASON_GATEWAYS_BUSY
                job.waiting_since.CopyFrom(job.create_time)
        if job.state != pb.JOB_STATE_RUNNING:
            return
        await self._look()
        by_stage = {status.stage: status for status in self._statuses}
        for stage in _at_work(job):
            status = by_stage.get(stage)
            if status is not None and status.waiting_reason:
                job.waiting_reason = status.waiting_reason
                since = max(status.waiting_since.ToNanoseconds(), job.start_time.ToNanoseconds())
                job.waiting_since.FromNanoseconds(since)
                return

    async def _look(self) -> None:
        """Look anew where what was seen is old; wait for it a moment only."""
        if self._seen is not None and self._clock() - self._seen < FRESH_S:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_now())
        await asyncio.wait({self._looking}, timeout=PATIENCE_S)

    async def _look_now(self) -> None:
        with suppressed():  # it serves all callers, and is no part of the trace of the one that came first
            memory, self._statuses = await asyncio.gather(self._used_memory(), self._stages.statuses())
        self._note_away()
        self._memory = memory
        self._seen = self._clock()

    def _note_away(self) -> None:
        """Tell of each stage that did not answer since when it does not."""
        for status in self._statuses:
            if status.unavailable and not status.waiting_reason:
                since = self._away.setdefault(status.stage, self._wall_ns())
                status.waiting_reason = common_pb2.WAITING_REASON_STAGE_UNREACHABLE
                status.waiting_since.FromNanoseconds(since)
            else:
                self._away.pop(status.stage, None)

    async def _used_memory(self) -> float:
        """Return the part of its memory that Valkey uses; 0 where it has no bound or does not answer."""
        try:
            found = await self._client.info("memory")
        except STORE_ERRORS:
            return 0.0
        most = int(found.get("maxmemory", 0))
        return int(found["used_memory"]) / most if most else 0.0


def _at_work(job: pb.Job) -> Iterator[common_pb2.Stage.ValueType]:
    """Name the stages that have work of this job, the first to look at first."""
    documents = job.documents
    unfinished = documents.found > documents.extracted + documents.failed
    if unfinished:
        yield common_pb2.STAGE_EXTRACT
    if not documents.listing_done:
        yield common_pb2.STAGE_FETCH
    elif not unfinished and job.spec.HasField("compare"):
        yield common_pb2.STAGE_COMPARE
