"""A stage's stream: requests in, steps into the ledger, outcomes back, reader and writer independent.

The three stages share this loop; what differs is their `Conversation`. A bounded number of steps is in flight:
past it the reader stops, and gRPC's flow control slows the caller down. Half-close means "no more work"; a
request that says `complete` means the same and leaves the caller a way to cancel.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from collatio.runtime.ending import end
from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from collatio.runtime.ledger.records import Step, StepState
    from collatio.runtime.queue.call import Call
    from collatio.runtime.queue.dispatcher import Dispatcher

Request = TypeVar("Request")
Response = TypeVar("Response")
Asked_contra = TypeVar("Asked_contra", contravariant=True)
IN_FLIGHT_MAX = 4096
DEADLINE_SLACK_S = 1.0
"""A caller's own clock ends its call a moment before ours says that the deadline has passed."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[Response]):
    """What follows from outcomes: responses to send, further steps to submit."""

    responses: Sequence[Response] = ()
    steps: Sequence[Step] = ()


class Conversation(Protocol[Asked_contra, Response]):
    """What one stage does with its stream."""

    @property
    def job(self) -> str:
        """The id of the job the stream works for."""
        ...

    async def take(self, request: Asked_contra) -> Reply[Response]:
        """Validate a request and make its steps. Errors: INVALID_REQUEST."""
        ...

    async def half_close(self) -> Reply[Response]:
        """Make the steps that need the whole of what was asked."""
        ...

    async def settle(self, states: Sequence[StepState]) -> Reply[Response]:
        """Turn outcomes into responses, and into the steps that follow from them."""
        ...

    async def conclude(self) -> Reply[Response]:
        """Say what is left to say, when every step has ended; steps here go on with the conversation."""
        ...


class _Reader(Generic[Request, Response]):
    """Reads requests while there is room, and submits their steps."""

    def __init__(self, call: Call, conversation: Conversation[Request, Response]) -> None:
        self.responses: list[Response] = []
        self._call, self._conversation = call, conversation
        self._room = asyncio.Event()
        self.finished = False

    def made_room(self) -> None:
        """Look again whether there is room."""
        self._room.set()

    async def run(self, first: Request, rest: AsyncIterator[Request]) -> None:
        """Read to the half-close. Errors: CANCELLED when the caller asks for it; INVALID_REQUEST after `complete`."""
        try:
            request = first
            while True:
                if getattr(request, "cancel", False):
                    raise CollatioError(Reason.CANCELLED)
                if self.finished:
                    raise invalid("complete", "was said: nothing follows it")
                await self._wait_for_room()  # after the look: a cancellation need not wait for it
                reach("stage.request.read")
                await self._follow(await self._conversation.take(request))
                if getattr(request, "complete", False):
                    await self._finish()
                try:
                    request = await anext(rest)
                except StopAsyncIteration:
                    break
            if not self.finished:
                await self._finish()
        finally:
            self._call.nudge()

    async def _finish(self) -> None:
        await self._follow(await self._conversation.half_close())
        self.finished = True
        self._call.nudge()

    async def _follow(self, reply: Reply[Response]) -> None:
        self.responses += reply.responses
        await self._call.submit(reply.steps)
        if reply.responses:
            self._call.nudge()

    async def _wait_for_room(self) -> None:
        while self._call.pending >= IN_FLIGHT_MAX:
            self._room.clear()
            await self._room.wait()

    def drain(self) -> list[Response]:
        """Take the responses that need no step."""
        found, self.responses = self.responses, []
        return found


async def converse(
    dispatcher: Dispatcher,
    tenant: str,
    requests: AsyncIterator[Request],
    begin: Callable[[Request], Conversation[Request, Response]],
    time_left_s: Callable[[], float | None] = lambda: None,
) -> AsyncGenerator[Response, None]:
    """Run one stream to its end. `begin` makes the conversation from the first request.

    A call whose deadline has passed, as `time_left_s` tells (None: it has none), drops what it wanted at once: nobody
    opens it again elsewhere.

    Whoever leaves before the end closes it (`contextlib.aclosing`): its call's interest is kept for as long as it is
    open, and a generator that is merely let go of closes when the collector comes by.
    """
    rest = aiter(requests)
    try:
        first = await anext(rest)
    except StopAsyncIteration:
        return
    conversation = begin(first)
    call = dispatcher.call(tenant, conversation.job)
    reader = _Reader(call, conversation)
    reading: asyncio.Task[None] = asyncio.create_task(reader.run(first, rest))
    wanted_no_more = False
    try:
        while True:
            ended = await call.outcomes()
            reader.made_room()
            if reading.done():
                wanted_no_more = isinstance(reading.exception(), CollatioError)
                reading.result()
            reply = await conversation.settle(ended)
            await call.submit(reply.steps)
            responses = [*reader.drain(), *reply.responses]
            if responses:
                reach("stage.reply.before")
            for response in responses:
                yield response
            if reader.finished and call.pending == 0 and not reader.responses:
                last = await conversation.conclude()
                await call.submit(last.steps)
                for response in last.responses:
                    yield response
                if call.pending == 0:
                    break
        wanted_no_more = True
    finally:
        await end(reading)
        left_s = time_left_s()
        late = left_s is not None and left_s <= DEADLINE_SLACK_S
        await dispatcher.finish(call, drop=wanted_no_more or late)
