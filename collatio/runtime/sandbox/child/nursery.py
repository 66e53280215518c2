"""Forking, killing and reaping sandboxes, as the pool child orders.

Rules: one thread at every fork. Orders come from the pool child alone, never from a sandbox. A dead sandbox's
process id is signalled only before it is reaped, when it cannot have been given to another. How it ended is
kept until asked. Nothing a sandbox forked outlives it: its group is killed with it, and whoever left the group
comes here as an orphan (PR_SET_CHILD_SUBREAPER) and is killed too.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from collatio.runtime.sandbox import control
from collatio.runtime.sandbox.child.confine import CHANNEL, confine
from collatio.runtime.sandbox.child.footprint import peak_bytes, threads
from collatio.runtime.sandbox.child.serve import Server
from collatio.runtime.sandbox.control import Death, Order

if TYPE_CHECKING:
    from collections.abc import Collection

    from collatio.runtime.sandbox.child.footprint import Footprint
    from collatio.runtime.sandbox.child.plan import Plan


class Nursery:
    """Keeps the sandboxes of one zygote, by the pool child's numbers."""

    def __init__(
        self, pool_child: socket.socket, plan: Plan, preload: Collection[str], footprint: Footprint
    ) -> None:
        self._pool_child = pool_child
        self._plan = plan
        self._preload = preload
        self._footprint = footprint
        self._alive: dict[int, int] = {}
        self._deaths: dict[int, Death] = {}

    def obey(self) -> None:
        """Carry out orders until the pool child is gone, then end every sandbox."""
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._pool_child, control.COMMAND.size, 1)
            if not data:
                break
            order, number = control.COMMAND.unpack(data)
            self._carry_out(Order(order), number, descriptors)
            self._collect()
        for number in list(self._alive):
            self._reap(number)

    def _carry_out(self, order: Order, number: int, descriptors: list[int]) -> None:
        if order is Order.FORK:
            self._fork(number, descriptors[0])
        elif order is Order.KILL:
            self._kill(number)
        else:
            self._reap(number)
            death = self._deaths.pop(number, None)
            with contextlib.suppress(BrokenPipeError):  # who released it may be gone by now
                self._pool_child.sendall(control.encode_death(number, death))

    def _fork(self, number: int, channel: int) -> None:
        if threads() > 1:
            raise RuntimeError("a process with threads cannot fork safely")
        zygote = os.getpid()
        try:
            child = os.fork()
        except OSError:
            pass  # the parent sees the channel's end and asks; nobody knows of such a sandbox
        else:
            if child == 0:
                self._become(channel, zygote)
            self._alive[number] = child
        os.close(channel)

    def _become(self, channel: int, zygote: int) -> NoReturn:
        """Go on as a sandbox; never returns, and never lets an exception up into the zygote's frames."""
        try:
            self._pool_child.detach()
            step = ""
            try:
                confine(self._plan, channel, zygote)
            except OSError as error:
                step = os.strerror(error.errno or 0)
                os.dup2(channel, CHANNEL)
            server = Server(socket.socket(fileno=CHANNEL), self._preload, self._footprint)
            if step:
                server.refuse(step)
            gc.enable()
            server.serve()
        finally:
            os._exit(1)

    def _kill(self, number: int) -> None:
        child = self._alive.get(number)
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it may not lead a group of its own yet
            os.killpg(child, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)

    def _reap(self, number: int) -> None:
        self._kill(number)
        child = self._alive.pop(number, None)
        if child is None:
            return
        _, status, usage = os.wait4(child, 0)
        growth = max(peak_bytes(usage.ru_maxrss) - self._footprint.resident, 0)
        self._deaths[number] = Death(status, growth, usage.ru_utime + usage.ru_stime)
        if self._plan.kernel is not None and self._plan.filter is None:
            self._end_orphans()

    def _collect(self) -> None:
        """Reap whoever has ended by itself: a sandbox that lost its pool child's end, an orphan.

        macOS lacks waitid(2) and adopts no orphans here: a sandbox waits there until it is asked about.
        """
        if sys.platform != "linux":
            return
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                number = next((n for n, child in self._alive.items() if child == ended.si_pid), None)
                if number is None:
                    os.waitpid(ended.si_pid, 0)
                else:
                    self._reap(number)

    def _end_orphans(self) -> None:
        """Kill what a sandbox left behind; only a kernel without seccomp lets it fork at all."""
        while strangers := self._children() - set(self._alive.values()):
            for child in strangers:  # whose own children become ours as they end
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)

    @staticmethod
    def _children() -> set[int]:
        try:
            listed = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
        except FileNotFoundError:  # the kernel was built without the list
            return set()
        return set(map(int, listed.split()))
