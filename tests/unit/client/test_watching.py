"""Following a job: every event once, in order, through whatever streams do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collatio.client.messages import Job, JobDocument, JobEvent, JobState
from collatio.client.trying import Link
from collatio.client.watching import follow
from collatio.runtime.errors import CollatioError, Reason
from collatio.v1.gateway_pb2 import Heartbeat

RUNNING, SUCCEEDED = JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_SUCCEEDED
END = object()
SILENCE = object()
Step = JobEvent | Exception | object


def snapshot(sequence: int, state: JobState.ValueType = RUNNING) -> JobEvent:
    """Make a snapshot."""
    return JobEvent(sequence=sequence, snapshot=Job(name="jobs/x", state=state, sequence=sequence))


def event(sequence: int) -> JobEvent:
    """Make an event."""
    return JobEvent(sequence=sequence, document=JobDocument(document_id=str(sequence)))


def cut(code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> grpc.aio.AioRpcError:
    """Make what a broken stream raises."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "cut", "")


class Streams:
    """Play one list of steps after the other; `attached` is what each was asked to begin after."""

    def __init__(self, *streams: Sequence[Step]) -> None:
        self.streams = list(streams)
        self.attached: list[int] = []
        self.open = 0
        self.slept: list[float] = []

    async def attach(self, after: int) -> AsyncGenerator[JobEvent, None]:
        """Open the next stream."""
        self.attached.append(after)
        self.open += 1
        try:
            for step in self.streams.pop(0):
                if isinstance(step, Exception):
                    raise step
                if step is SILENCE:
                    await asyncio.Event().wait()
                assert isinstance(step, JobEvent)
                yield step
        finally:
            self.open -= 1

    async def sleep(self, seconds: float) -> None:
        """Take no time."""
        self.slept.append(seconds)

    async def events(self, after_sequence: int = 0, **options: Any) -> list[JobEvent]:
        """Follow to the end."""
        link = Link("mesh:1", sleep=self.sleep, jitter=lambda: 1.0, reached=True, **options)
        found = follow(self.attach, link, after_sequence=after_sequence, silence_s_max=0.01)
        return [each async for each in found]


def numbers(events: Sequence[JobEvent]) -> list[int]:
    """Give the sequences of events proper."""
    return [each.sequence for each in events if each.WhichOneof("event") == "document"]


async def test_plain_watch_is_handed_on_as_it_comes() -> None:
    """A snapshot, the events, the end."""
    story = [snapshot(0), event(1), event(2), snapshot(2, SUCCEEDED)]
    streams = Streams(story)
    assert await streams.events() == story
    assert streams.open == 0


async def test_repeated_events_are_dropped() -> None:
    """A new stream that begins too early does no harm."""
    streams = Streams(
        [snapshot(0), event(1), event(2), cut()],
        [snapshot(3), event(1), event(2), event(3), snapshot(3, SUCCEEDED)],
    )
    found = await streams.events()
    assert numbers(found) == [1, 2, 3]
    assert streams.attached == [0, 2]


async def test_snapshot_does_not_move_the_reader_on() -> None:
    """A stream that breaks after its snapshot is opened again from the last event, not from the snapshot."""
    streams = Streams([snapshot(5), cut()], [snapshot(5), *map(event, range(1, 6)), snapshot(5, SUCCEEDED)])
    assert numbers(await streams.events()) == [1, 2, 3, 4, 5]
    assert streams.attached == [0, 0]


async def test_ended_job_is_replayed_to_its_last_event() -> None:
    """On a job that has ended the first snapshot is not the end while events are to come."""
    streams = Streams([snapshot(3, SUCCEEDED), event(1), cut()], [snapshot(3, SUCCEEDED), event(2), event(3)])
    found = await streams.events()
    assert numbers(found) == [1, 2, 3]
    assert found[-1].snapshot.state == SUCCEEDED


async def test_nothing_left_ends_at_once() -> None:
    """Who has seen it all gets the end and nothing else."""
    streams = Streams([snapshot(3, SUCCEEDED), SILENCE])
    assert await streams.events(after_sequence=3) == [snapshot(3, SUCCEEDED)]


async def test_events_that_are_gone_do_not_hold_the_end_back() -> None:
    """An expired job keeps its record but not its events."""
    streams = Streams(*[[snapshot(9, JobState.JOB_STATE_EXPIRED)]] * 2)
    found = await streams.events()
    assert [each.snapshot.state for each in found] == [JobState.JOB_STATE_EXPIRED] * 2


async def test_draining_server_is_left_for_another() -> None:
    """A stream that ends in good order before the job does is opened again, and not in a hurry."""
    streams = Streams([snapshot(0), event(1)], [snapshot(1)], [snapshot(2), event(2), snapshot(2, SUCCEEDED)])
    assert numbers(await streams.events()) == [1, 2]
    assert streams.slept == [0.2, 0.2]


async def test_aged_stream_is_opened_again() -> None:
    """Reaching the age at which streams are renewed is no failure."""
    streams = Streams([snapshot(0), cut(grpc.StatusCode.DEADLINE_EXCEEDED)], [snapshot(0, SUCCEEDED)])
    assert len(await streams.events()) == 2


async def test_silent_stream_is_dead() -> None:
    """A stream without heartbeats is closed and opened again."""
    streams = Streams([snapshot(0), SILENCE], [snapshot(1), event(1), snapshot(1, SUCCEEDED)])
    assert numbers(await streams.events()) == [1]
    assert streams.open == 0


async def test_refusal_ends_the_watch() -> None:
    """A job that is gone is told, not waited for."""
    streams = Streams([snapshot(0), cut(grpc.StatusCode.NOT_FOUND)])
    with pytest.raises(CollatioError) as caught:
        await streams.events()
    assert caught.value.reason is Reason.JOB_NOT_FOUND


async def test_patience_ends() -> None:
    """A gateway that does not come back is given up."""
    clock = iter(range(0, 1000, 10))
    streams = Streams(*[[cut()]] * 50)
    with pytest.raises(CollatioError):
        await streams.events(patience_s=30.0, monotonic=lambda: float(next(clock)))
    assert len(streams.attached) == 4


async def test_heartbeats_pass() -> None:
    """They say that the stream lives, and move nothing."""
    beat = JobEvent(sequence=1, heartbeat=Heartbeat())
    story = [snapshot(0), event(1), beat, beat, snapshot(1, SUCCEEDED)]
    assert await Streams(story).events() == story


@given(
    length=st.integers(0, 12),
    cuts=st.lists(st.tuples(st.integers(0, 14), st.booleans(), st.integers(0, 3)), max_size=6),
    ended=st.booleans(),
)
def test_any_breaks_leave_every_event_once(
    length: int, cuts: list[tuple[int, bool, int]], ended: bool
) -> None:
    """Wherever streams break, and however much they repeat, the reader gets 1..n and then the end."""
    state = SUCCEEDED if ended else RUNNING

    class Server(Streams):
        async def attach(self, after: int) -> AsyncGenerator[JobEvent, None]:
            self.attached.append(after)
            limit, harsh, again = cuts.pop(0) if cuts else (99, False, 0)
            story = [snapshot(length, state), *map(event, range(max(1, after + 1 - again), length + 1))]
            for sent, each in enumerate([*story, snapshot(length, SUCCEEDED)]):
                if sent == limit:
                    if harsh:
                        raise cut()
                    return
                yield each

    # Two streams in a row that drain before their first new event look like an ended job without events.
    barren = [limit for limit, harsh, again in cuts if limit < 2 + again and not harsh]
    if ended and len(barren) > 1:
        return
    found = asyncio.run(Server().events())
    assert numbers(found) == list(range(1, length + 1))
    assert found[-1].snapshot.state == SUCCEEDED
