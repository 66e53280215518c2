"""A whole embedded mesh for a test: real Valkey, real servers, real Celery workers, every one a process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from collatio.client import Client
from collatio.local.config import MeshConfig
from collatio.local.mesh import LocalMesh
from collatio.local.ready import wait_serving
from collatio.local.services import GATEWAY_SERVICE, STAGES, Layout, service_programs
from tests.support.processes import children_of, tree_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from collatio.client import MeshStatus
    from collatio.local.program import ProcessStatus, Program

LEASE_S = DISPATCH_S = 4.0
"""What RELIABILITY section 2 sets for tests: a lost worker's steps are tried again after that long."""

READY_S = 60.0
START_S = 90.0  # a machine that does much else is slow to import

# A root's processes pass over file permissions (capabilities(7): CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, numbers
# 1 and 2); dropped from the bounding set (PR_CAPBSET_DROP, 24) they are gone after the exec.
_AS_ANYBODY = (
    "import ctypes, os, sys; drop = ctypes.CDLL(None).prctl; "
    "[drop(24, power, 0, 0, 0) for power in (1, 2)]; os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True, slots=True)
class RunningMesh:
    """A mesh that serves. `layout` says where each of its servers is."""

    mesh: LocalMesh
    layout: Layout

    @property
    def target(self) -> str:
        """The gateway's address."""
        return self.mesh.gateway_target

    def stage(self, name: str) -> str:
        """Return the address of a stage's own server."""
        return self.layout.stages[name]

    @property
    def traces(self) -> Path:
        """Where its programs write their spans."""
        return self.mesh.data_dir / "traces"

    def client(self) -> Client:
        """Make a client of the gateway."""
        return Client(self.target)

    def pid(self, name: str) -> int:
        """Return a program's process id, 0 while it has none."""
        return next(each.pid for each in self.mesh.processes() if each.name == name)

    def pool(self, stage: str) -> list[int]:
        """List a worker's pool children."""
        return children_of(self.pid(f"{stage}-work"))

    async def settled(self, name: str) -> int:
        """Wait until a program runs for good; its id. One that ends sooner counts as one that cannot start."""
        async with asyncio.timeout(READY_S):
            while True:
                status = next(each for each in self.mesh.processes() if each.name == name)
                if status.state == "running" and status.pid:
                    return status.pid
                await asyncio.sleep(0.05)  # the statuses are the supervisor's, told as they change

    async def kill(self, name: str) -> None:
        """Kill a program as `kill -9` does, and return once another process has taken its place."""
        victim = self.pid(name)
        assert victim, f"{name} runs"
        back = asyncio.create_task(
            self._changed(lambda status: status.name == name and status.pid not in {0, victim})
        )
        await asyncio.sleep(0)  # let it begin to listen
        os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(READY_S):
            await back

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Stop a program and its children as SIGSTOP does; at the latest at the block's end they go on."""
        for pid in tree_of(self.pid(name)):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self.go_on(name)

    def go_on(self, name: str) -> None:
        """Let a stopped program go on."""
        for pid in tree_of(self.pid(name)):
            os.kill(pid, signal.SIGCONT)

    async def _changed(self, fits: Callable[[ProcessStatus], bool]) -> ProcessStatus:
        async for status in self.mesh.changes():
            if fits(status):
                return status
        raise AssertionError("the mesh ended first")

    async def whole(self) -> None:
        """Wait until every server serves and every stage has a live worker."""
        async with asyncio.timeout(READY_S):
            for stage, service in STAGES.items():
                await wait_serving(self.stage(stage), ("", service))
            await wait_serving(self.target, ("", GATEWAY_SERVICE))
            await self.status(lambda status: all(stage.workers_alive for stage in status.stages))

    async def status(self, fits: Callable[[MeshStatus], bool], within_s: float = READY_S) -> MeshStatus:
        """Ask for the mesh's status until it fits."""
        async with self.client() as client, asyncio.timeout(within_s):
            while not fits(status := await client.mesh_status()):
                await asyncio.sleep(0.05)  # a status is asked for, it is never told
            return status


@asynccontextmanager
async def running_mesh(
    roots: Sequence[Path] = (),
    *,
    environ: Mapping[str, str] | None = None,
    data_dir: Path | None = None,
    valkey_url: str | None = None,
    whole: bool = True,
) -> AsyncIterator[RunningMesh]:
    """Start a mesh with the leases of tests and stop it at the end; `environ` is added to ours.

    Its workers are awaited too, unless `whole` is unset. File permissions count for fetch, even where root runs
    the tests.
    """
    seen: list[Layout] = []

    def programs(layout: Layout) -> list[Program]:
        seen.append(layout)
        return [_as_anybody(each) if each.name == "fetch-work" else each for each in service_programs(layout)]

    config = MeshConfig(
        roots=tuple(roots),
        data_dir=data_dir,
        valkey_url=valkey_url,
        lease_s=LEASE_S,
        start_timeout_s=START_S,
    )
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "COLLATIO_"))}
    full = {**ours, "COLLATIO_DISPATCH_S": f"{DISPATCH_S:g}", **(environ or {})}
    async with LocalMesh(config, environ=full, programs=programs) as mesh:
        running = RunningMesh(mesh, seen[-1])
        if whole:
            await running.whole()
        yield running


def _as_anybody(program: Program) -> Program:
    """Have a program started without root's power over files."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return program
    return replace(program, argv=(sys.executable, "-c", _AS_ANYBODY, *program.argv))
