"""Writes a run's outcomes into the journal, gathered for a moment: one script for many documents.

What is gathered goes through an outbox, numbered, and leaves it when the journal has answered. So a write whose
answer was lost, or that was cut short by the job's end, is made again, and the journal passes over a number it
has: nothing is lost and nothing is told twice.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.journal import Entries, Finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from collatio.v1 import compare_pb2
    from gateway.journal.journal import Held, Journal
    from gateway.run.documents import Documents

logger = logging.getLogger(__name__)
FLUSH_S = 0.05
BATCH = 256
RETRY_S = 1.0


class Writer:
    """One run's pen. `flush` waits out an outage of the store.

    It raises Fenced when the job is lost, Regressed when the journal has forgotten what stood in it.
    """

    def __init__(
        self,
        journal: Journal,
        held: Held,
        documents: Documents,
        wall_ms: Callable[[], int],
        retry_s: float = RETRY_S,
    ) -> None:
        self._journal, self._held, self._documents, self._wall_ms = journal, held, documents, wall_ms
        self._retry_s = retry_s
        self._entries = Entries()
        self._outbox: deque[tuple[Entries, Finish | None]] = deque()
        self._run, self._number = uuid.uuid4().hex[:8], 0
        self._due = asyncio.Event()
        self._lock = asyncio.Lock()
        self.comparisons = pb.ComparisonCounts()

    def _now(self) -> Timestamp:
        made = Timestamp()
        made.FromMilliseconds(self._wall_ms())
        return made

    def begin(self) -> None:
        """Note that work on the job began."""
        self._entries.begin = True
        self.event(pb.JobEvent(state_change=pb.Job(name=self._held.ref.name, state=pb.JOB_STATE_RUNNING)))

    def event(self, event: pb.JobEvent) -> None:
        """Note that something happened."""
        event.time.CopyFrom(self._now())
        self._entries.events.append(event)
        self._due.set()

    def document(self, document: pb.JobDocument) -> None:
        """Note a document's new state."""
        self._documents.put(document)
        self._entries.documents[document.document_id] = document
        self.event(pb.JobEvent(document=document))

    def tile(self, number: int, tile: compare_pb2.CompareTile) -> None:
        """Note comparisons that were reached."""
        self._entries.tiles[number] = tile
        self._due.set()

    def drop_tiles(self) -> None:
        """Note that the comparisons reached so far count no more: they are of another manifest."""
        self._entries.tiles.clear()
        self._entries.drop_tiles = True
        self._due.set()

    def field(self, name: str, value: bytes) -> None:
        """Note a field of the job's own."""
        self._entries.fields[name] = value
        self._due.set()

    def counted(self) -> None:
        """Note how many pairs have been reached."""
        counts = pb.ComparisonCounts()
        counts.CopyFrom(self.comparisons)
        last = self._entries.events[-1] if self._entries.events else None
        if last is not None and last.HasField("comparisons"):
            last.comparisons.CopyFrom(counts)
        else:
            self.event(pb.JobEvent(comparisons=counts))

    async def run(self) -> None:
        """Flush whenever something was noted, at most every 50 ms, until cancelled. Raises Fenced."""
        while True:
            await self._due.wait()
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what was noted. Raises Fenced; an outage of the store is waited out."""
        async with self._lock:
            self._due.clear()
            entries, self._entries = self._entries, Entries()
            for part in _parts(entries):
                self._put(part, None)
            await self._send()

    async def finish(self, state: str, reason: str, message: str, ttl_ms: int) -> str:
        """End the job; returns the state it ended in. Raises Fenced."""
        await self.flush()
        async with self._lock:
            event = self._state_change(state)
            entries = Entries(events=[event])
            if reason:
                event.state_change.error.reason, event.state_change.error.message = reason, message
                entries.fields["reason"] = reason.encode()
                entries.fields["message"] = message.encode()
            self._put(entries, Finish(state, ttl_ms, self._state_change("CANCELLED")))
            return await self._send()

    def _state_change(self, state: str) -> pb.JobEvent:
        change = pb.Job(name=self._held.ref.name, state=pb.JobState.Value(f"JOB_STATE_{state}"))
        return pb.JobEvent(state_change=change, time=self._now())

    def _put(self, entries: Entries, finish: Finish | None) -> None:
        self._number += 1
        entries.run, entries.number = self._run, self._number
        entries.fields["documents"] = self._documents.counts().SerializeToString()
        entries.fields["comparisons"] = self.comparisons.SerializeToString()
        self._outbox.append((entries, finish))

    async def _send(self) -> str:
        """Empty the outbox; returns the state after its last write."""
        state = ""
        while self._outbox:
            state = await self._write(*self._outbox[0])
            self._outbox.popleft()
        return state

    async def _write(self, entries: Entries, finish: Finish | None) -> str:
        while True:
            reach("gateway.write.before" if finish is None else "gateway.finish.before")
            try:
                state = await self._journal.write(self._held, entries, finish)
            except CollatioError as error:
                if error.reason not in {Reason.STATE_STORE_UNAVAILABLE, Reason.STATE_STORE_FULL}:
                    raise
                logger.warning(
                    "the journal waits for the state store", extra={"fields": {"job": self._held.ref.job_id}}
                )
                await asyncio.sleep(self._retry_s)
                continue
            reach("gateway.write.after" if finish is None else "gateway.finish.after")
            return state


def _parts(entries: Entries) -> list[Entries]:
    """Cut what was noted into writes of bounded size, in order; nothing noted is nothing written."""
    size = max(len(entries.documents), len(entries.events), len(entries.tiles))
    if size <= BATCH:
        noted = size or entries.fields or entries.begin or entries.drop_tiles
        return [entries] if noted else []
    documents, tiles = list(entries.documents.items()), list(entries.tiles.items())
    parts = []
    for start in range(0, size, BATCH):
        stop = start + BATCH
        part = Entries(
            documents=dict(documents[start:stop]),
            tiles=dict(tiles[start:stop]),
            events=entries.events[start:stop],
        )
        parts.append(part)
    parts[0].fields, parts[0].begin = entries.fields, entries.begin
    parts[0].drop_tiles = entries.drop_tiles
    return parts
