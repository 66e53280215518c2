"""What the command takes from outside: the mesh it may start, and the clock."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from collatio.cli.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from collatio.runtime.errors import CollatioError


class Mesh(Protocol):
    """A mesh that runs for as long as its context lasts."""

    @property
    def gateway_target(self) -> str:
        """The gateway's address, `host:port`."""
        ...

    @property
    def stage_targets(self) -> Mapping[str, str]:
        """Each stage's own address, `host:port`, by its name."""
        ...

    @property
    def data_dir(self) -> Path:
        """Where it keeps its data, its traces among them."""
        ...

    async def wait_failed(self) -> CollatioError:
        """Wait until the mesh cannot mend itself, and say why."""
        ...


VALKEY_VARIABLE = "COLLATIO_VALKEY_URL"
"""Names a Valkey that the mesh uses instead of one of its own."""


class OpenMesh(Protocol):
    """Make a mesh on this machine."""

    def __call__(
        self, *, data_dir: Path | None, port: int | None, roots: tuple[Path, ...]
    ) -> AbstractAsyncContextManager[Mesh]:
        """Make it; entering starts it, leaving stops it.

        `data_dir` unset: thrown away at the end. `port` unset: a free one. Only `roots` are read in place.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the commands reach the world through; tests put their own in its place."""

    open_mesh: OpenMesh
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def talk(self) -> Talk:
        """Open the command's talk, on standard error."""
        return Talk.to_stderr(self.monotonic, os.environ.get("TERM", ""))


def default_surroundings() -> Surroundings:
    """Make the real ones."""
    return Surroundings(open_mesh=_open_local_mesh)


def _open_local_mesh(
    *, data_dir: Path | None, port: int | None, roots: tuple[Path, ...]
) -> AbstractAsyncContextManager[Mesh]:
    from collatio.local.config import MeshConfig
    from collatio.local.mesh import LocalMesh

    valkey_url = os.environ.get(VALKEY_VARIABLE) or None  # it may hold a password, so it is no argument
    return LocalMesh(MeshConfig(data_dir=data_dir, port=port, roots=roots, valkey_url=valkey_url))
