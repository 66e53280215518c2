"""The command's side of the supervising process: start it, follow it, stop it.

Rules: the process is in a session of its own, so the terminal's Ctrl-C never reaches it; closing its stdin is
the only order it gets; if it must be killed, every process group it has told of is killed with it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from collatio.local.plan import ALL_ENDED, Change, Plan
from collatio.local.program import ProcessStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

SUPERVISOR = "supervisor"
_REMOVAL_S = 20.0
_WITHOUT_PROCESS = {"exited", "stopped", "backoff", "fatal"}


class Supervision:
    """A running supervising process. `lost` resolves to the name of the first program given up on.

    While `strict` is set, a program that ends at all is given up on: at the start nothing should.
    """

    def __init__(self, process: subprocess.Popen[bytes], plan: Plan, reports: asyncio.StreamReader) -> None:
        self._process = process
        self._reports = reports
        self._statuses = {each.name: ProcessStatus(each.name, 0, "planned", 0) for each in plan.programs}
        self._watchers: set[asyncio.Queue[ProcessStatus | None]] = set()
        self._ended = asyncio.Event()
        self._stopping = False
        self.strict = True
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._follow(), name="collatio-supervision")

    @classmethod
    async def start(cls, plan: Plan, environ: Mapping[str, str], log: Path) -> Supervision:
        """Start the supervising process with this plan. `log` takes what it says on stderr."""
        with log.open("ab") as stderr:
            # Not asyncio's subprocess: its transport kills the child when an interrupted loop is torn down,
            # and this child must live to finish the stop.
            process = subprocess.Popen(  # noqa: ASYNC220 - returns once the exec is done, some milliseconds
                (sys.executable, "-P", "-m", "collatio.local.supervise"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=dict(environ),
                cwd=plan.folder,
                pass_fds=(plan.lock_fd,),
                start_new_session=True,
            )
        reports = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reports), _present(process.stdout)
        )
        supervision = cls(process, plan, reports)
        await asyncio.to_thread(_send, _present(process.stdin), plan.to_line())
        return supervision

    def processes(self) -> list[ProcessStatus]:
        """List the supervising process and then its programs, in the plan's order."""
        running = self._process.poll() is None
        own = ProcessStatus(
            SUPERVISOR, self._process.pid if running else 0, "running" if running else "exited", 0
        )
        return [own, *self._statuses.values()]

    async def changes(self) -> AsyncIterator[ProcessStatus]:
        """Yield each program's status as it changes, until all have ended."""
        if self._ended.is_set():
            return
        queue: asyncio.Queue[ProcessStatus | None] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            while (status := await queue.get()) is not None:
                yield status
        finally:
            self._watchers.discard(queue)

    async def stop(self, within_s: float) -> None:
        """Stop all programs in order of rank and wait for their end; after `within_s` kill what is left.

        An interrupted stop goes on by itself; calling again waits for its end.
        """
        self._stopping = True
        _present(self._process.stdin).close()
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
            async with asyncio.timeout(_REMOVAL_S):
                await asyncio.shield(self._reader)
        except TimeoutError:
            self._process.kill()
        await asyncio.shield(self._reader)
        await asyncio.to_thread(self._process.wait)
        self._kill_groups()

    def _kill_groups(self) -> None:
        """End what a dead supervising process left. A group that is gone is no fault."""
        for status in self._statuses.values():
            if status.pid:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(status.pid, signal.SIGKILL)

    async def _follow(self) -> None:
        async for line in self._reports:
            change = Change.from_line(line)
            if change == ALL_ENDED:
                self._ended.set()
            else:
                self._note(change)
        if not self._stopping:
            self._give_up(SUPERVISOR)
        self._ended.set()
        for queue in self._watchers:
            queue.put_nowait(None)

    def _note(self, change: Change) -> None:
        before = self._statuses[change.name]
        gone = change.state in _WITHOUT_PROCESS
        restarts = before.restarts + (change.state == "starting" and before.state != "planned")
        status = ProcessStatus(change.name, 0 if gone else change.pid, change.state, restarts)
        self._statuses[change.name] = status
        for queue in self._watchers:
            queue.put_nowait(status)
        if change.state == "fatal" or (self.strict and gone and not self._stopping):
            self._give_up(change.name)

    def _give_up(self, name: str) -> None:
        if not self.lost.done():
            self.lost.set_result(name)


def _send(pipe: IO[bytes], line: bytes) -> None:
    with suppress(BrokenPipeError):  # it died; the end of its reports says so
        pipe.write(line)
        pipe.flush()


def _present(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
