"""Follow a job's events through broken streams: every event once, in order, until the job has ended.

Rules. A watch opens with a snapshot; events after the last sequence seen follow; the last message is the
snapshot of the ended job. A snapshot's own sequence says how far the job is, not how far this reader is: only
events move the reader on. A stream that ends before that, however it ends, is opened again from there, and
what a new stream repeats is dropped. A stream that is silent for three heartbeats is dead.

Known ugliness: a stream that ends in good order tells nothing, because a draining server ends its streams so
too. On a job that has ended, two streams in a row without a new event mean that there are none left to come.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from collatio.client.messages import JobEvent, JobState
from collatio.client.trying import Link, Trying

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from collatio.client.trying import Broken

    Attach = Callable[[int], AsyncGenerator[JobEvent, None]]

TERMINAL_STATES = frozenset(
    {
        JobState.JOB_STATE_SUCCEEDED,
        JobState.JOB_STATE_FAILED,
        JobState.JOB_STATE_CANCELLED,
        JobState.JOB_STATE_EXPIRED,
    }
)
SILENCE_S_MAX = 45.0
REOPEN_AFTER_S = 1500.0  # below a server's max_connection_age of 30 minutes (CONVENTIONS 2.7)


class Cursor:
    """Where a reader is in a job's events, across any number of streams."""

    def __init__(self, after_sequence: int) -> None:
        self.last = after_sequence
        self._ended = False
        self._final: JobEvent | None = None
        self._opened = False
        self._first_of_stream = True
        self._moved = False
        self._barren_ends = 0

    def attached(self) -> None:
        """Note that a new stream begins."""
        self._first_of_stream = True
        self._moved = False

    def has_ended(self) -> bool:
        """Tell whether the ended job's snapshot was handed on."""
        return self._ended

    def take(self, event: JobEvent) -> list[JobEvent]:
        """Say what of a received message is to be handed on: nothing, itself, or it and the job's end."""
        first_of_stream, self._first_of_stream = self._first_of_stream, False
        kind = event.WhichOneof("event")
        if kind == "heartbeat":
            return [event]
        if kind == "snapshot":
            return self._take_snapshot(event, first_of_stream=first_of_stream)
        if event.sequence <= self.last:
            return []
        self.last = event.sequence
        self._moved = True
        return [event, *self._close_if_complete()]

    def finish(self) -> list[JobEvent]:
        """Say what is still to be handed on when a stream ends in good order."""
        self._barren_ends = 0 if self._moved else self._barren_ends + 1
        return self._close() if self._barren_ends > 1 else []

    def _take_snapshot(self, event: JobEvent, *, first_of_stream: bool) -> list[JobEvent]:
        first, self._opened = not self._opened, True
        if event.snapshot.state not in TERMINAL_STATES:
            return [event] if first else []
        self._final = event
        if not first_of_stream or self.last >= event.sequence:
            self._ended = True
            return [event]
        return [event] if first else []

    def _close_if_complete(self) -> list[JobEvent]:
        if self._final is None or self.last < self._final.sequence:
            return []
        return self._close()

    def _close(self) -> list[JobEvent]:
        if self._final is None:
            return []
        self._ended = True
        return [self._final]


async def follow(
    attach: Attach, link: Link, *, after_sequence: int = 0, silence_s_max: float = SILENCE_S_MAX
) -> AsyncGenerator[JobEvent, None]:
    """Yield a job's events, heartbeats included, ending with the snapshot of the ended job.

    Errors: `CollatioError` where opening the stream again cannot help, or has not for the link's patience.
    """
    cursor, trying = Cursor(after_sequence), Trying(link)
    while not cursor.has_ended():
        broken: Broken | None = None
        cursor.attached()
        async with aclosing(attach(cursor.last)) as stream:
            try:
                while (event := await _next(stream, silence_s_max)) is not None:
                    trying.answered()
                    for each in cursor.take(event):
                        yield each
                    if cursor.has_ended():
                        return
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                broken = EOFError() if _is_of_age(error) else error
        if broken is None:
            for each in cursor.finish():
                yield each
            if cursor.has_ended():
                return
        await trying.failed(broken or EOFError())


async def _next(stream: AsyncGenerator[JobEvent, None], silence_s_max: float) -> JobEvent | None:
    async with asyncio.timeout(silence_s_max):
        return await anext(stream, None)


def _is_of_age(broken: Broken) -> bool:
    """Tell whether a stream merely reached the age at which this client opens it anew."""
    return isinstance(broken, grpc.aio.AioRpcError) and broken.code() is grpc.StatusCode.DEADLINE_EXCEEDED
