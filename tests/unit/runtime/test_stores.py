"""Connections to a store that stands still for a while."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import redis
import redis.exceptions

from collatio.runtime.stores import connect, connect_async
from tests.support.processes import frozen
from tests.support.valkey import valkey_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.valkey import ValkeyServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops a process as POSIX does")
TIMEOUT_S = 0.2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey that this test may freeze."""
    with valkey_server(tmp_path) as server:
        yield server


def _counted(server: ValkeyServer) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.get("counted") or 0)


async def test_a_server_asks_a_frozen_store_once(server: ValkeyServer) -> None:
    """A command whose time ran out is not sent again: the store does it when it goes on, and would do it twice."""
    client = connect_async(server.url, timeout_s=TIMEOUT_S)
    await client.ping()
    with frozen([server.process.pid]), pytest.raises(redis.exceptions.TimeoutError):
        await client.incr("counted")
    assert _counted(server) == 1
    assert await client.incr("counted") == 2
    await client.aclose()


def test_a_worker_asks_a_frozen_store_once(server: ValkeyServer) -> None:
    """The same for a worker's connections."""
    with connect(server.url, timeout_s=TIMEOUT_S) as client:
        client.ping()
        with frozen([server.process.pid]), pytest.raises(redis.exceptions.TimeoutError):
            client.incr("counted")
        assert _counted(server) == 1
        assert client.incr("counted") == 2
