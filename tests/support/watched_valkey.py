"""A primary, its replica and three Sentinels that put the one in the other's place."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from tests.support.valkey import START_S, ValkeyServer, valkey_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRIMARY = "ledger"
DOWN_MS = 1_000
FAILOVER_MS = 4_000
_REPLICA = "replicator"


@dataclass(frozen=True, slots=True)
class WatchedValkey:
    """Two servers, and the address that the Sentinels answer at."""

    url: str
    primary: ValkeyServer
    replica: ValkeyServer

    def part(self) -> None:
        """Cut the replica off: it keeps what it has, and learns nothing more."""
        with redis.Redis(port=self.primary.port) as store:
            store.execute_command("ACL", "SETUSER", _REPLICA, "off")
            store.execute_command("CLIENT", "KILL", "TYPE", "replica")

    def fail_over(self) -> None:
        """Kill the primary, and return once the replica has its place."""
        self.primary.process.kill()
        with redis.Redis(port=self.replica.port) as store:
            _until(lambda: store.info("replication")["role"] == "master", 10 * START_S)


@contextmanager
def watched_valkey(root: Path) -> Iterator[WatchedValkey]:
    """Run the five of them."""
    with ExitStack() as running:

        def start(name: str, *options: str) -> ValkeyServer:
            (root / name).mkdir()
            return running.enter_context(valkey_server(root / name, *options))

        user = f"{_REPLICA} on >{_REPLICA} ~* &* +@all"
        primary = start("primary", "--user", *user.split(), "--repl-diskless-sync-delay", "0")
        login = ("--masteruser", _REPLICA, "--masterauth", _REPLICA)
        replica = start("replica", "--replicaof", "127.0.0.1", str(primary.port), *login)
        with redis.Redis(port=replica.port) as store:
            _until(lambda: store.info("replication").get("master_link_status") == "up", START_S)
        ports = []
        for number in range(3):
            settings = root / f"sentinel-{number}.conf"
            settings.write_text(
                f"sentinel monitor {PRIMARY} 127.0.0.1 {primary.port} 2\n"
                f"sentinel down-after-milliseconds {PRIMARY} {DOWN_MS}\n"
                f"sentinel failover-timeout {PRIMARY} {FAILOVER_MS}\n",
                "ascii",
            )
            ports.append(start(f"sentinel-{number}", str(settings), "--sentinel").port)
        for port in ports:
            with redis.Redis(port=port) as sentinel:
                _until(lambda asked=sentinel: _knows_all(asked), START_S)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield WatchedValkey(f"sentinel://{hosts}/0?primary={PRIMARY}", primary, replica)


def _knows_all(sentinel: redis.Redis) -> bool:
    told = sentinel.sentinel_master(PRIMARY)
    return int(told["num-slaves"]) == 1 and int(told["num-other-sentinels"]) == 2


def _until(holds: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "the servers did not come to it"
        time.sleep(0.05)  # they are asked, they tell nobody
