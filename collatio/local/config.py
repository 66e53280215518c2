"""What an embedded mesh is told: one frozen value, checked once, all faults at once."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from pathlib import Path

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
SERVER_GRACE_S = 1.5
SOFT_SHUTDOWN_S = 4.0


@dataclass(frozen=True, slots=True)
class MeshConfig:
    """Say where the mesh keeps its data, where it listens and how many workers it has.

    `data_dir` unset: a temporary folder, removed at the end (`keep` leaves it). `port` unset: a free one;
    only the gateway's port can be chosen. `roots` are the folders and files that fetch may read in place.
    `*_workers` are processes a pool. `valkey_url` unset: Valkey is started here. `lease_s` unset: the
    services' own default. The stop always ends within 10 s, so a stop has no setting.
    """

    data_dir: Path | None = None
    port: int | None = None
    host: str = "127.0.0.1"
    roots: tuple[Path, ...] = ()
    fetch_workers: int = 1
    extract_workers: int = 2
    compare_workers: int = 2
    valkey_url: str | None = None
    log_level: str = "INFO"
    lease_s: float | None = None
    start_timeout_s: float = START_TIMEOUT_S
    keep: bool = False

    def check(self) -> None:
        """Refuse settings that cannot work.

        Errors: SETTINGS_INVALID with every fault, joined by semicolons.
        """
        faults = [
            *_port_faults(self.port),
            *_host_faults(self.host),
            *(f"a path with {os.pathsep!r} cannot be a root: {root}" for root in self._split_roots()),
            *(
                f"{name} is {count}: at least one worker is needed"
                for name, count in self.workers().items()
                if count < 1
            ),
        ]
        if faults:
            raise CollatioError(Reason.SETTINGS_INVALID, "; ".join(faults))

    def workers(self) -> dict[str, int]:
        """Name the pool size of each stage."""
        return {"fetch": self.fetch_workers, "extract": self.extract_workers, "compare": self.compare_workers}

    def _split_roots(self) -> list[Path]:
        return [root for root in self.roots if os.pathsep in str(root)]


def _port_faults(port: int | None) -> list[str]:
    if port is None or 1 <= port <= 65535:
        return []
    return [f"port {port} does not exist: choose one from 1 to 65535"]


def _host_faults(host: str) -> list[str]:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if loopback:
        return []
    return [f"the embedded mesh listens on loopback only, not on {host}: it has no TLS; see deploy/"]
