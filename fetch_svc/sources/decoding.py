"""Undo a response's content coding and count what comes out: a small body may inflate to a large one."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_CHUNK_BYTES = 256 * 1024
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_IDENTITY = frozenset(("", "identity"))
_DEFLATED = frozenset(("gzip", "x-gzip", "deflate"))


async def counted(chunks: AsyncIterator[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    """Pass chunks on until they pass the cap; then raises SOURCE_TOO_LARGE."""
    left = bytes_max
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise CollatioError(Reason.SOURCE_TOO_LARGE)
        yield chunk


def decoded(chunks: AsyncIterator[bytes], coding: str, bytes_max: int) -> AsyncIterator[bytes]:
    """Yield a body without its content coding; both sides of it are held to the byte cap.

    `coding` is the Content-Encoding header. Raises SOURCE_TOO_LARGE, and SOURCE_UNAVAILABLE for a body that is
    damaged, ends early or is coded in a way nobody asked for (the request accepts `identity` alone).
    """
    coding = coding.strip().lower()
    if coding in _IDENTITY:
        return counted(chunks, bytes_max)
    if coding not in _DEFLATED:
        raise CollatioError(Reason.SOURCE_UNAVAILABLE, "The server used a content coding that is not read.")
    return counted(_inflated(counted(chunks, bytes_max)), bytes_max)


async def _inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = _Inflater()
    async for chunk in chunks:
        for piece in inflater.feed(chunk):
            yield piece
    if not inflater.complete:
        raise CollatioError(Reason.SOURCE_UNAVAILABLE, "The compressed answer ended early.")


class _Inflater:
    """Inflates gzip members one after the other (RFC 1952, section 2.2), a bounded piece at a time."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        self.complete = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self.complete:
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                piece = self._stream.decompress(data, _CHUNK_BYTES)
            except zlib.error:
                raise CollatioError(Reason.SOURCE_UNAVAILABLE, "The compressed answer is damaged.") from None
            self.complete = self._stream.eof
            data = self._stream.unused_data if self.complete else self._stream.unconsumed_tail
            if piece:
                yield piece
