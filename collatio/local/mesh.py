"""The embedded mesh as an async context manager.

All programs start at once, because each Python process spends most of its start importing: a server says
NOT_SERVING until its broker answers, a worker connects again until it does. The mesh is up when every program
that can say so says that it serves. It stops servers first, then workers, then Valkey, within 10 s.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Self

from collatio.local import ports
from collatio.local.config import STOP_TIMEOUT_S, MeshConfig
from collatio.local.environ import plain
from collatio.local.folder import DataFolder, open_folder
from collatio.local.plan import Plan
from collatio.local.services import STAGES, Layout, service_programs
from collatio.local.store import NAME as STORE
from collatio.local.store import Store, embedded_store, given_store
from collatio.local.supervision import SUPERVISOR, Supervision
from collatio.local.tail import last_words, size_of
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from collatio.local.program import ProcessStatus, Program


class LocalMesh:
    """Run a mesh on this machine for as long as the context lasts.

    Errors (on entry): SETTINGS_INVALID where a setting, the port or the data folder is at fault;
    STATE_STORE_UNAVAILABLE or STAGE_UNAVAILABLE where a program did not come up, with its last words.
    Interrupting the exit is safe: the supervising process finishes the stop by itself.
    `programs` makes the list of programs; another list makes another mesh (tests do).
    """

    def __init__(
        self,
        config: MeshConfig,
        *,
        environ: Mapping[str, str] = os.environ,
        programs: Callable[[Layout], Sequence[Program]] = service_programs,
    ) -> None:
        self._config = config
        self._environ = dict(environ)
        self._make_programs = programs
        self._folder: DataFolder | None = None
        self._layout: Layout | None = None
        self._supervision: Supervision | None = None
        self._log_sizes: dict[str, int] = {}

    @property
    def gateway_target(self) -> str:
        """The gateway's address, `127.0.0.1:PORT`."""
        return self._running_layout().gateway

    @property
    def stage_targets(self) -> Mapping[str, str]:
        """Each stage's own address, `127.0.0.1:PORT`, by its name."""
        return self._running_layout().stages

    @property
    def data_dir(self) -> Path:
        """The data folder, temporary or not."""
        return self._running_layout().folder.path

    def processes(self) -> list[ProcessStatus]:
        """List the supervising process and every program: name, process id, state, restarts."""
        return self._supervision.processes() if self._supervision is not None else []

    def changes(self) -> AsyncIterator[ProcessStatus]:
        """Yield each program's status as it changes, from now on."""
        return self._running_supervision().changes()

    async def wait_failed(self) -> CollatioError:
        """Wait until the mesh cannot mend itself (a program dies again and again), and say why."""
        return self._say(await asyncio.shield(self._running_supervision().lost))

    async def __aenter__(self) -> Self:
        """Start everything and wait until it serves."""
        self._config.check()
        if self._config.port is not None:
            ports.require_free(self._config.host, self._config.port)
        self._folder = open_folder(
            self._config.data_dir, "embedded" if self._config.valkey_url is None else "external"
        )
        try:
            await self._start(self._folder)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything and wait until it has ended; once interrupted, it may be called again to wait."""
        await self._stop()

    async def _start(self, folder: DataFolder) -> None:
        gateway_port, store_port, *stage_ports = ports.free_ports(2 + len(STAGES))
        store = await self._store(folder, store_port)
        self._layout = Layout(
            config=self._config,
            folder=folder,
            state_url=store.url,
            gateway=ports.address(self._config.host, self._config.port or gateway_port),
            stages={
                stage: ports.address(ports.LOOPBACK, port)
                for stage, port in zip(STAGES, stage_ports, strict=True)
            },
            environ=self._environ,
        )
        programs = [*self._make_programs(self._layout)]
        if store.program is not None:
            programs.insert(0, store.program)
        self._log_sizes = {each.name: size_of(self._log(each.name)) for each in programs}
        self._supervision = await Supervision.start(
            Plan(
                programs=tuple(each.plan(self._log(each.name)) for each in programs),
                folder=str(folder.path),
                log=str(self._log(SUPERVISOR)),
                lock_fd=folder.lock_fd,
                remove=str(folder.path) if folder.temporary and not self._config.keep else None,
            ),
            plain(self._environ),
            self._log(SUPERVISOR),
        )
        await self._wait_ready(programs)
        self._supervision.strict = False

    async def _store(self, folder: DataFolder, port: int) -> Store:
        if self._config.valkey_url is not None:
            return await given_store(self._config.valkey_url)
        return embedded_store(folder.valkey, port, plain(self._environ))

    async def _wait_ready(self, programs: Sequence[Program]) -> None:
        lost = self._running_supervision().lost
        late = {each.name: each.ready for each in programs if each.ready is not None}
        everyone = asyncio.create_task(_all_ready(late))
        either: set[asyncio.Future[Any]] = {everyone, lost}
        try:
            async with asyncio.timeout(self._config.start_timeout_s):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if lost.done():
                    raise self._say(lost.result())
                await everyone
        except TimeoutError:
            raise self._say(next(iter(late)), late=True) from None
        finally:
            everyone.cancel()
            await asyncio.wait({everyone})

    async def _stop(self) -> None:
        ended = self._supervision is None
        try:
            if self._supervision is not None:
                await self._supervision.stop(STOP_TIMEOUT_S)
                ended = True
        finally:
            if self._folder is not None:
                # Interrupted here, the folder is left to the supervising process, which still uses it.
                self._folder.close(remove=ended and not self._config.keep)
                self._folder = None

    def _log(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder.logs / f"{name}.log"

    def _say(self, name: str, *, late: bool = False) -> CollatioError:
        """Make the error for a program that failed, with its last words."""
        words = last_words(self._log(name), self._log_sizes.get(name, 0)) or "it said nothing"
        what = (
            f"did not serve within {self._config.start_timeout_s:g} s" if late else "ended and will not run"
        )
        folder = self._running_layout().folder
        where = f" (log: {self._log(name)})" if not folder.temporary or self._config.keep else ""
        reason = Reason.STATE_STORE_UNAVAILABLE if name == STORE else Reason.STAGE_UNAVAILABLE
        return CollatioError(reason, f"{name} {what}: {words}{where}")

    def _running_layout(self) -> Layout:
        if self._layout is None:
            raise RuntimeError("the mesh has not been started")
        return self._layout

    def _running_supervision(self) -> Supervision:
        if self._supervision is None:
            raise RuntimeError("the mesh has not been started")
        return self._supervision


async def _all_ready(waiting: dict[str, Callable[[], Awaitable[None]]]) -> None:
    """Wait for all of them at once; whoever is ready leaves the dictionary."""

    async def leave(name: str, ready: Callable[[], Awaitable[None]]) -> None:
        await ready()
        del waiting[name]

    async with asyncio.TaskGroup() as group:
        for name, ready in waiting.items():
            group.create_task(leave(name, ready))
