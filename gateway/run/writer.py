"""Writes a run's outcomes into the journal, gathered for a moment: one script for many documents."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from collatio.runtime.errors import CollatioError, Reason
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
    """One run's pen. `flush` waits out an outage of the store; it raises Fenced when the job is lost."""

    def __init__(
        self, journal: Journal, held: Held, documents: Documents, wall_ms: Callable[[], int]
    ) -> None:
        self._journal, self._held, self._documents, self._wall_ms = journal, held, documents, wall_ms
        self._entries = Entries()
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
                part.fields["documents"] = self._documents.counts().SerializeToString()
                part.fields["comparisons"] = self.comparisons.SerializeToString()
                await self._write(part, None)

    async def finish(self, state: str, reason: str, message: str, ttl_ms: int) -> str:
        """End the job; returns the state it ended in. Raises Fenced."""
        await self.flush()
        async with self._lock:
            change = pb.Job(name=self._held.ref.name, state=pb.JobState.Value(f"JOB_STATE_{state}"))
            entries = Entries()
            if reason:
                change.error.reason, change.error.message = reason, message
                entries.fields["reason"] = reason.encode()
                entries.fields["message"] = message.encode()
            entries.fields["documents"] = self._documents.counts().SerializeToString()
            entries.fields["comparisons"] = self.comparisons.SerializeToString()
            event = pb.JobEvent(state_change=change)
            event.time.CopyFrom(self._now())
            entries.events.append(event)
            return await self._write(entries, Finish(state, ttl_ms))

    async def _write(self, entries: Entries, finish: Finish | None) -> str:
        while True:
            try:
                return await self._journal.write(self._held, entries, finish)
            except CollatioError as error:
                if error.reason not in {Reason.STATE_STORE_UNAVAILABLE, Reason.STATE_STORE_FULL}:
                    raise
                logger.warning("the journal waits for the state store", extra={"job": self._held.ref.job_id})
                await asyncio.sleep(RETRY_S)


def _parts(entries: Entries) -> list[Entries]:
    """Cut what was noted into writes of bounded size, in order; nothing noted is nothing written."""
    size = max(len(entries.documents), len(entries.events), len(entries.tiles))
    if size <= BATCH:
        noted = size or entries.fields or entries.begin
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
    return parts
