"""One call each, with its deadline, its metadata, and its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import grpc.aio

    from collatio.client.trying import Link

Request = TypeVar("Request")
Response = TypeVar("Response")

OVERDUE_S = 1.0
"""How long after its deadline a call is given up on: gRPC has let calls hang that it was to try again (grpc#41036)."""
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Calls:
    """Make calls with the client's deadlines and metadata."""

    link: Link
    metadata: Metadata
    timeout_s: float
    stream_timeout_s: float

    async def unary(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float | None = None,
    ) -> Response:
        """Make a call that is safe to repeat. Errors: `CollatioError`."""

        async def once() -> Response:
            within_s = timeout_s or self.timeout_s
            call = method(request, timeout=within_s, metadata=self.metadata)
            try:
                async with asyncio.timeout(within_s + OVERDUE_S):
                    return await call
            finally:
                call.cancel()

        return await self.link.again(once)

    async def stream(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[Request, Response],
        request: Request,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Response, None]:
        """Yield what one stream brings; leaving it early ends it on the server too (CONVENTIONS 2.11).

        Errors: AioRpcError as it comes; who calls this knows whether to open it again.
        """
        call = method(request, timeout=timeout_s or self.stream_timeout_s, metadata=self.metadata)
        try:
            async for response in call:
                yield response
        finally:
            call.cancel()
