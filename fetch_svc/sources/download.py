"""Bring one document's bytes to a writer, in one pass, and tell what they are.

The writer hashes while it writes (the blob store's does), so nothing is read or held twice. The media type
needs a look at the start, and for containers at the end or the middle: a local file is asked again, of a stream
the first MiBs and the last stretch are remembered.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from collatio.plugins.sources import NO_OPTIONS
from collatio.runtime.sniff import HEAD_BYTES, sniff
from collatio.runtime.threads import to_end
from fetch_svc.engine.model import Arrived
from fetch_svc.engine.uri import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collatio.plugins.sources import Content
    from fetch_svc.sources.local_file import LocalFile
    from fetch_svc.sources.registry import Sources

START_BYTES = 4 * 1024 * 1024
END_BYTES = 512 * 1024
INLINE_BYTES = 1024 * 1024
"""Local files up to this size are read on the event loop: a hop to a thread costs more than the reading."""


class Writer(Protocol):
    """Takes the bytes, in order. It is for the caller to commit it, or not when `download` raises."""

    def write(self, data: bytes) -> object:
        """Write."""


async def download(
    sources: Sources, uri: str, writer: Writer, *, options: Mapping[str, object] = NO_OPTIONS
) -> Arrived:
    """Write a document's bytes and return what arrived.

    Raises the source's errors, and the writer's as they are.
    """
    name = name_of(uri)
    local = None if options else sources.open_local(uri)
    if local is None:
        async with sources.open(uri, options=options) as content:
            return await take_stream(content, writer, name)
    with local:
        if local.size_bytes <= INLINE_BYTES:
            return take_local(local, writer, name)
        chunks, head = local.chunks(), b""
        while start := await to_end(_take_some, chunks, writer):  # a cancellation waits for one piece alone
            head = head or start
        return await to_end(_arrived, local, head, name)


def take_local(file: LocalFile, writer: Writer, name: str) -> Arrived:
    """Write an open local file's bytes; blocking."""
    chunks, head = file.chunks(), b""
    while start := _take_some(chunks, writer):
        head = head or start
    return _arrived(file, head, name)


def _take_some(chunks: Iterator[bytes], writer: Writer) -> bytes:
    """Write the next piece; returns its beginning, nothing at the end."""
    chunk = next(chunks, b"")
    if chunk:
        writer.write(chunk)
    return chunk[:HEAD_BYTES]


def _arrived(file: LocalFile, head: bytes, name: str) -> Arrived:
    media_type = sniff(head, size=file.size_bytes, name=name, read_at=file.read_at)
    return Arrived(file.size_bytes, media_type, file.stat)


async def take_stream(content: Content, writer: Writer, name: str) -> Arrived:
    """Write an open document's bytes as they come."""
    seen = _Ends()
    async for chunk in content.chunks:
        seen.add(chunk)
        writer.write(chunk)
    head = seen.read_at(0, HEAD_BYTES)
    media_type = sniff(head, size=seen.size, name=name, claimed=content.stat.media_type, read_at=seen.read_at)
    return Arrived(seen.size, media_type, content.stat)


class _Ends:
    """Remembers the first `START_BYTES` and the last `END_BYTES` or more of a stream."""

    def __init__(self) -> None:
        self.size = 0
        self._start = bytearray()
        self._end: deque[bytes] = deque()
        self._end_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Take the next chunk."""
        room = START_BYTES - len(self._start)
        self._start += chunk[:room]
        rest = chunk[room:] if room < len(chunk) else b""
        self.size += len(chunk)
        if rest:
            self._end.append(rest)
            self._end_bytes += len(rest)
            while self._end_bytes - len(self._end[0]) >= END_BYTES:
                self._end_bytes -= len(self._end.popleft())

    def read_at(self, offset: int, count: int) -> bytes:
        """Return bytes of the start or of the end; none of what lies between them."""
        data = bytes(self._start[offset : offset + count])
        missing_from = offset + len(data) - (self.size - self._end_bytes)
        if len(data) == count or missing_from < 0:
            return data
        return data + b"".join(self._end)[missing_from : missing_from + count - len(data)]
