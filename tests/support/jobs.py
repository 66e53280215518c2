"""A job as its watcher sees it: followed in the background, waited on by condition, accounted for at its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from collatio.client import (
    TERMINAL_STATES,
    ComparisonCounts,
    DocumentState,
    Job,
    JobDocument,
    JobEvent,
    JobSpec,
    JobState,
)
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from collatio.client import Client, Comparison

EXTRACTED, FAILED = DocumentState.DOCUMENT_STATE_EXTRACTED, DocumentState.DOCUMENT_STATE_FAILED
END_S = 60.0


class Watched:
    """A job and all that its watch has told so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[JobEvent] = []
        self.documents: dict[str, JobDocument] = {}
        self.comparisons = ComparisonCounts()
        self.ended: Job | None = None
        self._told = asyncio.Condition()

    def count(self, state: DocumentState.ValueType) -> int:
        """Count the documents in a state."""
        return sum(document.state == state for document in self.documents.values())

    async def follow(self, client: Client) -> None:
        """Take in the job's events until it has ended."""
        async with aclosing(client.watch(self.name)) as events:
            async for event in events:
                async with self._told:
                    self._take(event)
                    self._told.notify_all()

    def _take(self, event: JobEvent) -> None:
        match event.WhichOneof("event"):
            case "snapshot":
                if event.snapshot.state in TERMINAL_STATES:
                    self.ended = event.snapshot
                return
            case "document":
                self.documents[event.document.document_id] = event.document
            case "comparisons":
                self.comparisons = event.comparisons
        self.events.append(event)

    async def until(self, fits: Callable[[Watched], bool], within_s: float = END_S) -> None:
        """Wait until something is true of the job. Fails if it ends first, or in time."""
        async with asyncio.timeout(within_s), self._told:
            await self._told.wait_for(lambda: fits(self) or self.ended is not None)
        assert fits(self), f"the job ended first: {self.ended}"

    async def end(self, within_s: float = END_S) -> Job:
        """Wait for the job's end."""
        async with asyncio.timeout(within_s), self._told:
            await self._told.wait_for(lambda: self.ended is not None)
        assert self.ended is not None
        return self.ended


@asynccontextmanager
async def watching(client: Client, spec: JobSpec) -> AsyncIterator[Watched]:
    """Submit a job and follow it for the time of the block."""
    job = await client.submit(spec)
    watched = Watched(job.name)
    following = asyncio.create_task(watched.follow(client))
    try:
        yield watched
    finally:
        following.cancel()
        await asyncio.wait([following])


async def run_job(client: Client, spec: JobSpec, within_s: float = END_S) -> Job:
    """Submit a job and wait for its end."""
    async with asyncio.timeout(within_s):
        return await client.wait((await client.submit(spec)).name)


async def documents_of(client: Client, job: Job) -> list[JobDocument]:
    """List a job's documents."""
    return [document async for document in client.documents(job.name)]


async def comparisons_of(client: Client, job: Job) -> list[Comparison]:
    """List a job's comparisons."""
    return [comparison async for comparison in client.comparisons(job.name)]


def failures(documents: list[JobDocument]) -> dict[str, str]:
    """Map the URIs of failed documents to their reasons."""
    return {each.uri: each.error.reason for each in documents if each.state == FAILED}


async def told_again(target: str, name: str) -> list[JobEvent]:
    """Read an ended job's events from the first on, in one plain call, without a client that mends anything."""
    async with grpc.aio.insecure_channel(target) as channel:
        call = gateway_pb2_grpc.JobServiceStub(channel).WatchJob(pb.WatchJobRequest(name=name), timeout=END_S)
        events = [event async for event in call]
    return [event for event in events if event.WhichOneof("event") not in {"snapshot", "heartbeat"}]


async def assert_accounted_for(client: Client, target: str, watched: Watched, job: Job, count: int) -> None:
    """Hold a job that was disturbed to what it promises: all documents, each once, and a history without a gap."""
    assert job.state == JobState.JOB_STATE_SUCCEEDED, job.error
    assert (job.documents.found, job.documents.extracted, job.documents.failed) == (count, count, 0)
    listed = await documents_of(client, job)
    assert len({document.document_id for document in listed}) == len(listed) == count
    assert len({document.uri for document in listed}) == count
    pairs = Counter(each.comparison_id for each in await comparisons_of(client, job))
    assert set(pairs.values()) <= {1}
    assert len(pairs) == job.comparisons.planned == job.comparisons.compared
    again = await told_again(target, job.name)
    assert [event.sequence for event in again] == list(range(1, job.sequence + 1))
    assert watched.events == again
    done = Counter(e.document.document_id for e in again if e.document.state == EXTRACTED)
    assert set(done.values()) == {1}
    assert len(done) == count
