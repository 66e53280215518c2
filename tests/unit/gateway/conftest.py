"""What the gateway's tests share: a journal in a database of its own, scripted stages, and a bench of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.blobs.local import LocalBlobs
from collatio.runtime.stores import connect_async
from gateway.journal.journal import Journal
from tests.support.scripted_stages import ScriptedStages
from tests.unit.gateway.bench import DATABASE, Bench, Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import redis.asyncio


@pytest.fixture
async def client(valkey_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of an empty database."""
    made = connect_async(f"{valkey_url.rpartition('/')[0]}/{DATABASE}")
    await made.flushdb()
    yield made
    await made.aclose()


@pytest.fixture
def clock() -> Clock:
    """The journal's time."""
    return Clock()


@pytest.fixture
def journal(client: redis.asyncio.Redis, clock: Clock) -> Journal:
    """A journal whose time is the test's."""
    return Journal(client, clock)


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """A blob store in a folder."""
    return LocalBlobs(tmp_path / "blobs")


@pytest.fixture
async def stages(blobs: LocalBlobs) -> AsyncIterator[ScriptedStages]:
    """The three stages, by script."""
    async with ScriptedStages(blobs) as running:
        yield running


@pytest.fixture
async def bench(
    client: redis.asyncio.Redis, journal: Journal, clock: Clock, stages: ScriptedStages
) -> AsyncIterator[Bench]:
    """A gateway's parts around one journal, without a server."""
    async with Bench(client, journal, clock, stages) as made:
        yield made
