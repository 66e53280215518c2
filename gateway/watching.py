"""Watching jobs: one reader of the feed a gateway, and streams of a job's events from the journal."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from collatio.runtime.ending import end
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach
from collatio.runtime.ledger.ledger import STORE_ERRORS
from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from redis.asyncio import Redis

    from gateway.journal.journal import Journal
    from gateway.journal.record import JobRecord, JobRef

logger = logging.getLogger(__name__)
HEARTBEAT_S = 15.0
BLOCK_MS = 2_000
PAGE = 500
BACKOFF_S = 0.5


class Feed:
    """Follows the feed of changed jobs, and wakes who watches them."""

    def __init__(self, client: Redis, stream: str) -> None:
        self._client: Any = client  # its answers are typed for two protocols at once
        self._stream = stream
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._listeners: list[Callable[[str | None], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._draining = False

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop."""
        await end(self._task)

    @property
    def draining(self) -> bool:
        """Whether watches are to end here, and go on at another gateway."""
        return self._draining

    def drain(self) -> None:
        """End all watches."""
        self._draining = True
        for watchers in self._watchers.values():
            for event in watchers:
                event.set()

    def listen(self, listener: Callable[[str | None], None]) -> None:
        """Call a function with every job that changes; with None when changes may have been missed."""
        self._listeners.append(listener)

    @contextmanager
    def watch(self, ref: JobRef) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the job changes, and whenever a change may have been missed."""
        event = asyncio.Event()
        watchers = self._watchers.setdefault(ref.key, set())
        watchers.add(event)
        try:
            yield event
        finally:
            watchers.discard(event)
            if not watchers:
                self._watchers.pop(ref.key, None)

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_once()
            except STORE_ERRORS:
                await asyncio.sleep(BACKOFF_S)
            except Exception:
                logger.exception("following the feed failed; it is tried again")
                await asyncio.sleep(BACKOFF_S)

    async def _follow_once(self) -> None:
        newest = await self._client.xrevrange(self._stream, count=1)
        position = newest[0][0] if newest else b"0-0"
        for watchers in list(self._watchers.values()):
            for event in watchers:
                event.set()
        for listener in self._listeners:
            listener(None)
        while True:
            answer = await self._client.xread({self._stream: position}, count=500, block=BLOCK_MS)
            if not answer:
                continue
            entries = answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))[0]
            position = entries[-1][0]
            for job in dict.fromkeys(fields[b"j"].decode() for _, fields in entries):
                self._tell(job)

    def _tell(self, job: str) -> None:
        for event in self._watchers.get(job, ()):
            event.set()
        for listener in self._listeners:
            listener(job)


async def _moves(_: pb.Job) -> None:
    """Tell of no job that it waits."""


async def watch_job(
    journal: Journal,
    feed: Feed,
    ref: JobRef,
    after: int,
    heartbeat_s: float = HEARTBEAT_S,
    *,
    tell_waiting: Callable[[pb.Job], Awaitable[None]] = _moves,
) -> AsyncIterator[pb.JobEvent]:
    """Yield a snapshot, then every event after a sequence, then a last snapshot when the job has ended.

    `tell_waiting` writes into a job what it waits for: into the first snapshot, and into each heartbeat.

    What a slow reader has not taken waits in the journal, so it holds nobody back. Errors: JOB_NOT_FOUND;
    SHUTTING_DOWN when this gateway stops.
    """
    with feed.watch(ref) as changed:
        record = await journal.read(ref)
        yield _event(record.sequence, snapshot=await _told(record, tell_waiting))
        position = after
        while True:
            changed.clear()
            record = await journal.read(ref)
            while position < record.sequence:
                events = await journal.events(ref, position, PAGE)
                for event in events:
                    position = event.sequence
                    reach("gateway.watch.event")
                    yield event
                if not events:  # deleted while we read; the next read says so
                    record = await journal.read(ref)
            if record.ended:
                yield _event(record.sequence, snapshot=record.to_job())
                return
            if feed.draining:
                raise CollatioError(Reason.SHUTTING_DOWN, retry_after_s=0.0)
            try:
                async with asyncio.timeout(heartbeat_s):
                    await changed.wait()
            except TimeoutError:
                job = await _told(await journal.read(ref), tell_waiting)
                waits = pb.Heartbeat(waiting_reason=job.waiting_reason)
                if job.HasField("waiting_since"):
                    waits.waiting_since.CopyFrom(job.waiting_since)
                yield _event(position, heartbeat=waits)


async def _told(record: JobRecord, tell_waiting: Callable[[pb.Job], Awaitable[None]]) -> pb.Job:
    job = record.to_job()
    await tell_waiting(job)
    return job


def _event(sequence: int, **what: Any) -> pb.JobEvent:
    now = Timestamp()
    now.FromNanoseconds(time.time_ns())
    return pb.JobEvent(sequence=sequence, time=now, **what)
