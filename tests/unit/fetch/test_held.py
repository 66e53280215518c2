"""A source is held to its limits, whoever wrote it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from collatio.plugins.sources import NO_OPTIONS, PAGE_ENTRIES_MAX, Content, Entry, Listing, Stat
from collatio.plugins.testing.sources import MemorySource, check_source
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.held import HeldSource, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

LIMITS = Limits(bytes_max=100, idle_timeout_s=0.05, total_timeout_s=0.2)


class Careless(MemorySource):
    """A source that keeps no promise: `how` says which one it breaks."""

    def __init__(self, how: str) -> None:
        super().__init__({"memory:a": b"x"})
        self._how = how

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List too much, never, or with an exception of its own."""
        if self._how == "hangs":
            await asyncio.Event().wait()
        if self._how == "raises":
            raise KeyError("canary")
        return Listing(tuple(Entry(f"memory:{n}", str(n)) for n in range(PAGE_ENTRIES_MAX + 1)))

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Open badly."""
        if self._how == "hangs":
            await asyncio.Event().wait()
        if self._how == "raises":
            raise KeyError("canary")
        yield Content(Stat(size_bytes=101 if self._how == "says too much" else None), self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        if self._how == "breaks off":
            raise KeyError("canary")
        if self._how == "stalls":
            await asyncio.Event().wait()
        while True:
            yield b"x" if self._how == "drips" else b"x" * 30
            if self._how == "drips":
                await asyncio.sleep(0.02)


async def _read(source: HeldSource) -> None:
    async with source.open("memory:a") as content:
        async for _ in content.chunks:
            pass


async def reading(how: str) -> Reason:
    """Return the reason that reading ends with."""
    with pytest.raises(CollatioError) as caught:
        await _read(HeldSource(Careless(how), LIMITS))
    assert "canary" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("never ends", Reason.SOURCE_TOO_LARGE),
        ("says too much", Reason.SOURCE_TOO_LARGE),
        ("hangs", Reason.SOURCE_TIMEOUT),
        ("stalls", Reason.SOURCE_TIMEOUT),
        ("drips", Reason.SOURCE_TIMEOUT),
        ("raises", Reason.ENGINE_FAILED),
        ("breaks off", Reason.ENGINE_FAILED),
    ],
)
async def test_reading_is_bounded_and_its_errors_are_typed(how: str, reason: Reason) -> None:
    """Bytes and time are counted here, and an exception of the plugin's own does not get through."""
    assert await reading(how) is reason


@pytest.mark.parametrize(
    ("how", "reason"),
    [("lists", Reason.ENGINE_FAILED), ("hangs", Reason.SOURCE_TIMEOUT), ("raises", Reason.ENGINE_FAILED)],
)
async def test_listing_is_bounded(how: str, reason: Reason) -> None:
    """A page has its size and its time."""
    with pytest.raises(CollatioError) as caught:
        await HeldSource(Careless(how), LIMITS).list("memory:")
    assert caught.value.reason is reason


async def test_a_good_source_is_not_changed() -> None:
    """Wrapping takes nothing from a source that keeps its promises, exactly at the cap too."""
    files = {"memory:box/a": b"x" * 100, "memory:box/b/c": b""}
    held = HeldSource(MemorySource(files), LIMITS)
    await check_source(held, folder="memory:box/", files=files, missing="memory:box/no")


async def test_an_error_of_the_reader_is_its_own() -> None:
    """What goes wrong where the bytes go is not blamed on the source."""
    with pytest.raises(KeyError):
        async with HeldSource(MemorySource({"memory:a": b"x"}), LIMITS).open("memory:a"):
            raise KeyError
