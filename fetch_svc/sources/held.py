"""A source held to its limits and promises: byte cap, idle and total time, page size, typed errors.

The shipped sources keep them anyway; a plugin's author need not think of them.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from collatio.plugins.sources import NO_OPTIONS, PAGE_ENTRIES_MAX, Content, Listing, Stat
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from collatio.plugins.sources import Source


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one document: bytes, and seconds between two chunks and altogether."""

    bytes_max: int
    idle_timeout_s: float
    total_timeout_s: float


class HeldSource:
    """Wraps a source. Whatever it raises that is no `CollatioError` becomes ENGINE_FAILED, its cause kept."""

    def __init__(self, inner: Source, limits: Limits) -> None:
        self._inner = inner
        self._limits = limits
        self.schemes = inner.schemes
        self.version = inner.version

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List a page within the total time."""
        async with _held(self._limits.total_timeout_s):
            listing = await self._inner.list(uri, page_token, options=options)
        if len(listing.entries) > PAGE_ENTRIES_MAX:
            raise CollatioError(
                Reason.ENGINE_FAILED, f"The source listed more than {PAGE_ENTRIES_MAX} a page."
            )
        return listing

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Stat within the idle time."""
        async with _held(self._limits.idle_timeout_s):
            return await self._inner.stat(uri, options=options)

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Open within the idle time; chunks come within idle and total time and up to the byte cap."""
        deadline = asyncio.get_running_loop().time() + self._limits.total_timeout_s
        async with AsyncExitStack() as stack:
            async with _held(min(self._limits.idle_timeout_s, self._limits.total_timeout_s)):
                content = await stack.enter_async_context(self._inner.open(uri, options=options))
            if (content.stat.size_bytes or 0) > self._limits.bytes_max:
                raise CollatioError(Reason.SOURCE_TOO_LARGE)
            yield replace(content, chunks=self._chunks(content.chunks, deadline))

    async def _chunks(self, chunks: AsyncIterator[bytes], deadline: float) -> AsyncIterator[bytes]:
        left = self._limits.bytes_max
        time = asyncio.get_running_loop().time
        while True:
            async with _held(min(self._limits.idle_timeout_s, deadline - time())):
                chunk = await _next(chunks)
            if chunk is None:
                return
            left -= len(chunk)
            if left < 0:
                raise CollatioError(Reason.SOURCE_TOO_LARGE)
            yield chunk

    async def aclose(self) -> None:
        """Close the source."""
        await self._inner.aclose()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """Return the next chunk; `anext` with a default trips over iterators that are not Python's own."""
    try:
        return await anext(chunks)
    except StopAsyncIteration:
        return None


@asynccontextmanager
async def _held(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except CollatioError:
        raise
    except TimeoutError:
        raise CollatioError(Reason.SOURCE_TIMEOUT) from None
    except Exception as error:
        raise CollatioError(Reason.ENGINE_FAILED, "The source failed in a way of its own.") from error
