"""A job's stream to one stage, kept open through the death of servers.

What was asked and not yet answered is asked again on the next stream: steps are known by their content, so
asking twice is asking once. The caller says which items are answered, with `answered`; the items of a stream with
a `complete` request are answered together, by its orderly end. A stream stays open to the end on our side too:
who has half-closed cannot cancel.

A stream that brings nothing for long, while something is asked, is opened again, too: whatever its server waits for
in vain, no job stands still for it. (A connection that carries nothing is for gRPC's keepalive to find.)

A stream is half-closed only when all is answered, because after that it could not carry a cancel; a `whole`
one must be, because its stage waits for it: what a cancelled one had asked lapses by itself, after two leases.

Each stream has its own writer of requests. gRPC leaves the writer of a broken stream suspended, and it must
take nothing more that the next one is to send: so writers are numbered, and only the newest may take.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc

from collatio.runtime.ending import end
from collatio.runtime.failpoints import reach
from collatio.runtime.rpc.status import from_rpc_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Request = TypeVar("Request")
Response = TypeVar("Response")
BATCH = 128
TIMEOUT_S = 7 * 24 * 3600.0
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
SILENCE_S = 120.0
DOUBLINGS = 5
AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


class StageStream(Generic[Item, Request, Response]):
    """One job's stream to one stage.

    `open_call` is the stub's method bound to its metadata; `request` makes a request of items, the first of a
    stream told so; `cancel` the one that drops everything; `complete`, where all is answered only once all is asked,
    the one that says so. `backoff_s` are the waits between streams that brought nothing;
    `silence_s` is how long one may bring nothing before it is opened again, twice as long each further time in a row.
    """

    def __init__(
        self,
        open_call: Callable[..., Any],
        request: Callable[[Sequence[Item], bool], Request],
        cancel: Request,
        in_flight_max: int = 2_000,
        *,
        complete: Request | None = None,
        backoff_s: Sequence[float] = BACKOFF_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._open_call, self._request, self._cancel = open_call, request, cancel
        self._complete, self._backoff_s, self._silence_s = complete, backoff_s, silence_s
        self._number = 0
        self._pending: dict[str, Item] = {}
        self._unsent: list[str] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False
        self._cancelling = False
        self._in_flight_max = in_flight_max
        self._quiet_since = 0.0

    async def send(self, key: str, item: Item) -> None:
        """Ask for an item; waits while too many are unanswered."""
        while len(self._pending) >= self._in_flight_max and not self._cancelling:
            self._room.clear()
            await self._room.wait()
        if not self._pending:
            self._quiet_since = _now()
        self._pending[key] = item
        self._unsent.append(key)
        self._wake.set()

    def close(self) -> None:
        """Say that there is no more to ask."""
        self._closed = True
        self._wake.set()

    def answered(self, key: str) -> None:
        """Say that an item needs no further answer."""
        self._pending.pop(key, None)
        self._room.set()
        if not self._pending:
            self._wake.set()

    def cancel(self) -> None:
        """Drop everything that is not answered, now."""
        self._cancelling = True
        self._wake.set()
        self._room.set()

    async def responses(self) -> AsyncGenerator[Response, None]:
        """Yield what the stage answers, over as many streams as it takes, until all is answered.

        Errors: CollatioError for a status that asking again cannot mend.
        """
        failures = silences = 0
        while not self._cancelling:
            reach("gateway.stream.open")
            call = self._open_call(self._requests(self._take_over()), timeout=TIMEOUT_S)
            ended = False
            try:
                answers = aiter(call)
                while (response := await self._next(answers, silences)) is not None:
                    failures = silences = 0
                    yield response
                ended = True
            except TimeoutError:
                silences += 1
                logger.info("a stage's stream was silent; it is opened again")
            except grpc.aio.AioRpcError as error:
                if not self._cancelling and not _may_mend(error):
                    raise from_rpc_error(error) from error
                logger.info("a stage's stream broke", extra={"fields": {"code": error.code().name}})
            finally:
                call.cancel()
                self._take_over()
            if self._cancelling or self._is_done(ended=ended):
                return
            await asyncio.sleep(self._backoff_s[min(failures, len(self._backoff_s) - 1)])
            failures += 1

    async def _next(self, answers: AsyncIterator[Response], silences: int) -> Response | None:
        """Wait for an answer, or the orderly end. Raises TimeoutError for a silence while something is asked."""
        patience_s = self._silence_s * 2 ** min(silences, DOUBLINGS)
        self._quiet_since = _now()
        reading = asyncio.ensure_future(anext(answers, None))
        try:
            while not (await asyncio.wait({reading}, timeout=self._quiet_since + patience_s - _now()))[0]:
                if not self._pending:
                    self._quiet_since = _now()
                elif _now() >= self._quiet_since + patience_s:
                    raise TimeoutError
            return reading.result()
        finally:
            if not reading.done():
                await end(reading)

    def _take_over(self) -> int:
        """Let the writer before take nothing more; everything unanswered is to be sent. Returns a new number."""
        self._number += 1
        self._unsent = list(self._pending)
        self._wake.set()
        return self._number

    def _is_done(self, *, ended: bool) -> bool:
        if self._complete is None:
            return self._closed and not self._pending
        if ended and self._closed:
            self._pending.clear()
        return ended and self._closed

    async def _requests(self, number: int) -> AsyncIterator[Request]:
        """Send what is to be asked, in batches, as it comes."""
        first, complete = True, self._complete
        while number == self._number:
            if self._cancelling:
                yield self._cancel
                return
            keys, self._unsent = self._unsent[:BATCH], self._unsent[BATCH:]
            items = [self._pending[key] for key in keys if key in self._pending]
            if items or (first and self._closed):
                yield self._request(items, first)
                first = False
            elif self._closed and not self._unsent and complete is not None:
                yield complete
                complete = None
            elif self._closed and not self._unsent and not self._pending:
                return
            elif not self._unsent:
                self._wake.clear()
                await self._wake.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _may_mend(error: grpc.aio.AioRpcError) -> bool:
    """Tell whether another stream may fare better.

    A call that ends while a request is being written first shows a status that gRPC's core made up, INTERNAL: it
    says nothing of the stage, and the next stream shows what does.
    """
    made_up = error.code() is grpc.StatusCode.INTERNAL and not error.trailing_metadata()
    return made_up or error.code() in AGAIN
