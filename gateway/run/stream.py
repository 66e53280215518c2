"""A job's stream to one stage, kept open through the death of servers.

What was asked and not yet answered is asked again on the next stream: steps are known by their content, so
asking twice is asking once. The caller says which items are answered, with `answered`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc

from collatio.runtime.rpc.status import from_rpc_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Request = TypeVar("Request")
Response = TypeVar("Response")
BATCH = 128
TIMEOUT_S = 7 * 24 * 3600.0
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
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
    stream told so; `cancel` the one that drops everything.
    """

    def __init__(
        self,
        open_call: Callable[..., Any],
        request: Callable[[Sequence[Item], bool], Request],
        cancel: Request,
        in_flight_max: int = 2_000,
    ) -> None:
        self._open_call, self._request, self._cancel = open_call, request, cancel
        self._pending: dict[str, Item] = {}
        self._unsent: list[str] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False
        self._cancelling = False
        self._in_flight_max = in_flight_max

    async def send(self, key: str, item: Item) -> None:
        """Ask for an item; waits while too many are unanswered."""
        while len(self._pending) >= self._in_flight_max:
            self._room.clear()
            await self._room.wait()
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

    def cancel(self) -> None:
        """Drop everything that is not answered, now."""
        self._cancelling = True
        self._wake.set()

    async def responses(self) -> AsyncIterator[Response]:
        """Yield what the stage answers, over as many streams as it takes, until all is answered.

        Errors: CollatioError for a status that asking again cannot mend.
        """
        failures = 0
        while True:
            self._unsent = list(self._pending)
            call = self._open_call(self._requests(), timeout=TIMEOUT_S)
            ended = False
            try:
                async for response in call:
                    failures = 0
                    yield response
                ended = True
            except grpc.aio.AioRpcError as error:
                if not self._cancelling and error.code() not in AGAIN:
                    raise from_rpc_error(error) from error
                logger.info("a stage's stream broke", extra={"code": error.code().name})
            finally:
                call.cancel()
            if self._cancelling or (ended and self._closed and not self._pending):
                return
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1

    async def _requests(self) -> AsyncIterator[Request]:
        """Send what is to be asked, in batches, as it comes."""
        first = True
        while True:
            if self._cancelling:
                yield self._cancel
                return
            keys, self._unsent = self._unsent[:BATCH], self._unsent[BATCH:]
            items = [self._pending[key] for key in keys if key in self._pending]
            if items or (first and self._closed):
                yield self._request(items, first)
                first = False
            elif self._closed and not self._unsent:
                return
            elif not self._unsent:
                self._wake.clear()
                await self._wake.wait()
