"""The suite for authors of sources finds broken promises."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from collatio.plugins.sources import NO_OPTIONS, Content, Source, Stat
from collatio.plugins.testing.sources import MemorySource, TableHttp, check_source
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

FILES = {f"memory:box/{n}": str(n).encode() for n in range(7)}


async def check(source: Source) -> None:
    """Run the suite on a source of `FILES`."""
    await check_source(source, folder="memory:box/", files=FILES, missing="memory:box/none")


@pytest.mark.parametrize("page_entries", [1, 3, 7, 1000])
async def test_the_memory_source_keeps_every_promise(page_entries: int) -> None:
    """The fake passes the suite at any page size."""
    await check(MemorySource(FILES, page_entries=page_entries))


class Truncates(MemorySource):
    """Leaves out the last byte."""

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Open, a byte short."""
        async with super().open(uri) as content:
            yield Content(content.stat, _short(content.chunks))


async def _short(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk[:-1]


class Invents(MemorySource):
    """Finds everything."""

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Stat whatever is asked for."""
        return await super().stat(uri) if uri in self.files else Stat()


@pytest.mark.parametrize(
    ("source", "promise"),
    [
        (MemorySource({**FILES, "memory:box/more": b""}), "every file, once"),
        (Truncates(FILES), "yields the bytes"),
        (Invents(FILES), "is an error"),
        (MemorySource(FILES, scheme="Memory"), "lower case"),
        (
            MemorySource(FILES, failures={"memory:box/none": CollatioError(Reason.INTERNAL)}),
            "every file, once",
        ),
    ],
)
async def test_a_broken_promise_is_named(source: Source, promise: str) -> None:
    """The suite says which promise was broken."""
    with pytest.raises(AssertionError, match=promise):
        await check(source)


async def test_a_table_answers_for_the_web() -> None:
    """The fake client answers from its table, 404 for the rest, and remembers what it was asked."""
    http: Any = TableHttp({"https://a.test/": (200, {"etag": '"1"'}, b"x" * 70_000)})
    async with http.request("GET", "https://a.test/") as response:
        assert len([chunk async for chunk in response.chunks]) == 2
    async with http.request("GET", "https://b.test/") as response:
        assert response.status == 404
    assert http.asked == [("GET", "https://a.test/"), ("GET", "https://b.test/")]
