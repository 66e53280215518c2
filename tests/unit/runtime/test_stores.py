"""Connections to a store that stands still for a while."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, contextmanager
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
TIMEOUT_S = 0.4
FROZEN_S = 1.5 * TIMEOUT_S  # a second try would be under way when the store goes on


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey that this test may freeze."""
    (tmp_path / "primary").mkdir()
    with valkey_server(tmp_path / "primary") as server:
        yield server


@pytest.fixture(params=["alone", "watched"])
def url(request: pytest.FixtureRequest, tmp_path: Path, server: ValkeyServer) -> Iterator[str]:
    """The server's own address, and the one of a Sentinel that watches it."""
    if request.param == "alone":
        yield server.url
        return
    folder = tmp_path / "sentinel"
    folder.mkdir()
    conf = folder / "sentinel.conf"
    conf.write_text(
        f"sentinel monitor main 127.0.0.1 {server.port} 1\nsentinel down-after-milliseconds main 60000\n"
    )
    with valkey_server(folder, str(conf), "--sentinel") as sentinel:
        yield f"sentinel://127.0.0.1:{sentinel.port}/0?primary=main"


@contextmanager
def frozen_for_a_while(server: ValkeyServer) -> Iterator[None]:
    """Freeze a server; it goes on by itself, at the latest before the block's end."""
    with ExitStack() as ice:
        ice.enter_context(frozen([server.process.pid]))
        thaw = threading.Timer(FROZEN_S, ice.close)
        thaw.start()
        yield
        thaw.join()


def _counted(server: ValkeyServer) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.get("counted") or 0)


async def test_a_server_asks_a_frozen_store_once(url: str, server: ValkeyServer) -> None:
    """A command whose time ran out is not sent again: the store does it when it goes on, and would do it twice."""
    client = connect_async(url, timeout_s=TIMEOUT_S)
    await client.ping()
    with frozen_for_a_while(server), pytest.raises(redis.exceptions.TimeoutError):
        await client.incr("counted")
    assert _counted(server) == 1
    assert await client.incr("counted") == 2
    await client.aclose()


def test_a_worker_asks_a_frozen_store_once(url: str, server: ValkeyServer) -> None:
    """The same for a worker's connections."""
    with connect(url, timeout_s=TIMEOUT_S) as client:
        client.ping()
        with frozen_for_a_while(server), pytest.raises(redis.exceptions.TimeoutError):
            client.incr("counted")
        assert _counted(server) == 1
        assert client.incr("counted") == 2


def test_an_answer_that_comes_late_is_nobodys(url: str, server: ValkeyServer) -> None:
    """What is asked after a time-out gets its own answer, and not the one that was still to come."""
    with connect(url, timeout_s=TIMEOUT_S, patience_s=2) as client:
        client.mset({"a": "of a", "b": "of b"})
        with frozen_for_a_while(server):
            with pytest.raises(redis.exceptions.TimeoutError):
                client.get("a")
            with client.pipeline(transaction=False) as pipe:
                assert pipe.get("b").execute() == [b"of b"]
        assert client.get("b") == b"of b"


def test_who_asks_once_does_not_wait(url: str, server: ValkeyServer) -> None:
    """Without patience a store that is gone is told of at once."""
    with connect(url, timeout_s=TIMEOUT_S, patience_s=0) as client:
        client.ping()
        server.process.kill()
        server.process.wait()
        with pytest.raises(redis.exceptions.ConnectionError):
            client.ping()
