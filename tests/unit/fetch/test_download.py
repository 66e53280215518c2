"""A document's bytes reach the writer in one pass, and its type is told."""

from __future__ import annotations

import asyncio
import io
import os
import threading
import time
import zipfile
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from collatio.plugins.sources import Content, Stat
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.config import SourceConfig
from fetch_svc.sources.download import END_BYTES, START_BYTES, _Ends, download, take_stream
from fetch_svc.sources.registry import Sources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


def sources_of(
    entry_points: Callable[[], list[EntryPoint]], *roots: Path, allow: tuple[str, ...] = ()
) -> Sources:
    """Return the shipped sources with these roots."""
    config = SourceConfig(roots=tuple(str(root) for root in roots), allow_hosts=allow)
    return Sources(config, entry_points=entry_points)


@pytest.mark.parametrize("size", [0, 1, 50_000, 3_000_000])
async def test_a_local_file_arrives_whole(
    entry_points: Callable[[], list[EntryPoint]], tmp_path: Path, size: int
) -> None:
    """Every byte is written once, small files and big ones, and the validator comes along."""
    data = os.urandom(size)
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))
    written = io.BytesIO()
    arrived = await download(sources_of(entry_points, tmp_path), f"file://{path}", written)
    assert written.getvalue() == data
    assert arrived.size_bytes == size
    assert arrived.stat.validator is not None
    assert arrived.media_type == ("application/octet-stream" if size > 1 else arrived.media_type)


class HeldWriter(io.BytesIO):
    """Takes bytes, each time only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.opened = threading.Event(), threading.Event()

    def write(self, data: bytes) -> int:  # type: ignore[override] # the downloads write bytes
        """Wait, then write."""
        self.reached.set()
        assert self.opened.wait(10)
        return super().write(data)


async def test_a_cancelled_download_ends_with_its_piece(
    entry_points: Callable[[], list[EntryPoint]], tmp_path: Path
) -> None:
    """Nobody uses the file and the writer any more when it has ended, and it does not wait for the whole file."""
    data = os.urandom(3_000_000)
    (tmp_path / "x.bin").write_bytes(data)
    writer = HeldWriter()
    work = download(sources_of(entry_points, tmp_path), f"file://{tmp_path / 'x.bin'}", writer)
    downloading = asyncio.create_task(work)
    assert await asyncio.to_thread(writer.reached.wait, 10)
    downloading.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not downloading.done()
    writer.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await downloading
    assert 0 < len(writer.getvalue()) < len(data)
    assert data.startswith(writer.getvalue())


async def test_a_web_document_arrives_whole(entry_points: Callable[[], list[EntryPoint]], web: Any) -> None:
    """The server's claim and the URL's name are hints for text, and the ETag is the validator."""
    web.serve("/notes.md?x=1", b"# Title\n", ETag='"v1"', Content_Type="text/plain")
    sources = sources_of(entry_points, allow=(f"127.0.0.1:{web.port}",))
    written = io.BytesIO()
    arrived = await download(sources, web.url("/notes.md?x=1"), written)
    assert (written.getvalue(), arrived.media_type) == (b"# Title\n", "text/markdown")
    assert arrived.stat.validator == 'etag:"v1"'
    await sources.aclose()


async def test_the_sources_error_comes_through(
    entry_points: Callable[[], list[EntryPoint]], tmp_path: Path
) -> None:
    """A path that leaves the roots is refused here too, and the writer's own error is not changed."""
    sources = sources_of(entry_points, tmp_path)
    with pytest.raises(CollatioError) as caught:
        await download(sources, f"file://{tmp_path}/../x", io.BytesIO())
    assert caught.value.reason is Reason.PATH_OUTSIDE_ROOT

    class Full:
        def write(self, data: bytes) -> None:
            raise CollatioError(Reason.BLOB_STORE_FULL)

    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(CollatioError) as caught:
        await download(sources, f"file://{tmp_path}/a", Full())
    assert caught.value.reason is Reason.BLOB_STORE_FULL


async def test_a_long_streams_end_is_looked_at() -> None:
    """A container whose directory lies beyond what is kept of the start is told by its end."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("media/video.bin", bytes(START_BYTES * 2))
        package.writestr("word/document.xml", b"<x/>")
    data = buffer.getvalue()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 70_001):
            yield data[start : start + 70_001]

    arrived = await take_stream(Content(Stat(), chunks()), io.BytesIO(), "")
    assert arrived.media_type.endswith("wordprocessingml.document")


@pytest.mark.parametrize(
    "size", [0, 10, START_BYTES, START_BYTES + 5, START_BYTES + END_BYTES + 5, START_BYTES * 3]
)
@pytest.mark.parametrize("chunk", [999_983, 65_536, START_BYTES * 4])
def test_what_is_remembered_is_right(size: int, chunk: int) -> None:
    """Any stretch that is given back is what was there; start and end are always given back."""
    data = os.urandom(1024) * (size // 1024 + 1)
    data = data[:size]
    ends = _Ends()
    for start in range(0, size, chunk):
        ends.add(data[start : start + chunk])
    assert ends.size == size
    assert ends.read_at(0, 8192) == data[:8192]
    assert ends.read_at(max(0, size - END_BYTES), END_BYTES) == data[max(0, size - END_BYTES) :]
    for offset in range(0, size, 250_007):
        assert data[offset : offset + 1000].startswith(ends.read_at(offset, 1000))


async def test_a_small_local_file_costs_microseconds(
    entry_points: Callable[[], list[EntryPoint]], tmp_path: Path
) -> None:
    """Opening, writing and telling a 50 KiB document takes well under a millisecond of CPU time."""
    path = tmp_path / "x.pdf"
    path.write_bytes(b"%PDF-1.7\n" + os.urandom(50_000))
    sources = sources_of(entry_points, tmp_path)
    before = time.process_time()
    for _ in range(200):
        await download(sources, f"file://{path}", io.BytesIO())
    assert (time.process_time() - before) / 200 < 0.001
