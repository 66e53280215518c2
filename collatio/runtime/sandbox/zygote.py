"""The pool child's side of the zygote: starting it, restarting it, and making sandboxes.

One lock guards the control socket, because a watcher thread may kill while the caller's thread forks or
reaps. A zygote that is dead, or does not answer, is put down and replaced at the next `sandbox()`; its
sandboxes die with it (their parent-death signal). A `Zygote` that a fork copied belongs to the process that
started it: the copy drops the inherited descriptors and starts its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from collatio.runtime.sandbox import control
from collatio.runtime.sandbox.channel import Channel
from collatio.runtime.sandbox.control import Brief, Death, Order
from collatio.runtime.sandbox.errors import SandboxUnavailable
from collatio.runtime.sandbox.frames import clean
from collatio.runtime.sandbox.launch import import_path, launch
from collatio.runtime.sandbox.probe import probe
from collatio.runtime.sandbox.sandbox import ForkedSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from collatio.runtime.sandbox.isolation import Isolation
    from collatio.runtime.sandbox.limits import Limits

_ANSWER_S = 1.0  # RELIABILITY promises limit + 2 s for a process group: half for asking, half for force


class Zygote:
    """Makes sandboxes by forking a warm, credential-free process; one a pool child, a context manager.

    `preload` are the modules whose functions may be called; they are imported once, before any fork, and must
    not start threads. `extra_path` is added to the import path, `readable` to what lazily loading code
    may read. `told` hears how each sandbox ended, when the next one is made. A zygote dies with the *thread* that started it (the kernel's parent-death signal is per
    thread), so start it from one that lasts.
    """

    def __init__(
        self,
        preload: Sequence[str],
        *,
        extra_path: Sequence[str] = (),
        readable: Sequence[str] = (),
        told: Callable[[Death], None] = lambda _: None,
        start_timeout_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._brief = Brief(tuple(preload), tuple(readable))
        self._extra_path = tuple(extra_path)
        self._told = told
        self._start_timeout_s = start_timeout_s
        self._clock = clock
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._greeted = False
        self._owner = 0
        self._numbers = 0
        self._oldest = 0
        self._spare: tuple[int, Channel] | None = None
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The zygote's process id while one is thought to live, for an operator's eyes."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begin warming up without waiting; `sandbox()` does so by itself if nobody has."""
        with self._lock:
            if self._owner != os.getpid():
                self._forget()
            if self._channel is None:
                self._spawn()

    def sandbox(self, limits: Limits) -> ForkedSandbox:
        """Make a fresh sandbox, starting or replacing the zygote if need be.

        Raises SandboxUnavailable when no zygote comes up: a module that cannot be imported, threads started
        at import, no memory.
        """
        with self._lock:
            self._ensure_alive()
            self._hear()
            number, channel = self._take_spare() or self._fork()
            self._spare = self._fork()
        return ForkedSandbox(number, channel, self, limits, self._clock)

    def isolation(self) -> Isolation:
        """Try what holds around a sandbox, in a real one. Raises as `sandbox` and `call` do."""
        return probe(self)

    def kill(self, number: int) -> None:
        """Kill a sandbox's process group; from any thread."""
        self._order(Order.KILL, number)

    def release(self, number: int) -> None:
        """Kill a sandbox's process group without waiting for its end."""
        self._order(Order.RELEASE, number)

    def reap(self, number: int) -> Death | None:
        """Kill a sandbox's process group, wait for its end and tell how it ended.

        None when nobody can tell: the zygote is gone, or had to be put down because it did not answer.
        """
        with self._lock:
            if not self._order(Order.REAP, number):
                return None
            try:
                return self._death_of(number, self._clock() + _ANSWER_S)
            except (TimeoutError, EOFError):
                self._end(patience_s=0)
                return None

    def close(self) -> None:
        """End the zygote and every sandbox, and wait for its end; safe to repeat."""
        with self._lock:
            if self._owner == os.getpid():
                self._hear()
                self._end()
            else:
                self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ensure_alive(self) -> None:
        self.start()
        if self._greeted and self._channel is not None and self._channel.ended():
            self._end()
            self.start()
        if not self._greeted:
            self._greet()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = launch(theirs.fileno(), import_path(self._extra_path), os.environ)
            except OSError as error:
                ours.close()
                raise SandboxUnavailable(f"cannot start the interpreter: {error.strerror}") from error
        self._owner = os.getpid()
        self._channel = Channel(ours, self._clock)
        self._oldest = self._numbers
        self.starts += 1

    def _greet(self) -> None:
        """Hand over the brief and wait for the preloading to end."""
        assert self._channel is not None
        deadline = self._clock() + self._start_timeout_s
        try:
            self._channel.send(self._brief.encode(), (), deadline)
            (size,) = control.LENGTH.unpack(self._channel.receive(control.LENGTH.size, deadline))
            greeting = json.loads(self._channel.receive(size, deadline))
        except TimeoutError:
            self._end(patience_s=0)
            raise SandboxUnavailable(f"no zygote within {self._start_timeout_s:g} s") from None
        except EOFError:
            code = self._end()
            raise SandboxUnavailable(f"the zygote ended with status {code} while starting") from None
        except BaseException:
            self._end(patience_s=0)  # half a greeting cannot be taken up again
            raise
        if greeting["fault"]:
            self._end()
            raise SandboxUnavailable(clean(greeting["fault"]))
        self._greeted = True

    def _hear(self) -> None:
        """Take in how the sandboxes ended that were released."""
        try:
            while self._greeted and self._channel is not None and self._channel.waiting():
                self._answer(self._clock() + _ANSWER_S)
        except (TimeoutError, EOFError):
            pass  # it is gone, which the next order finds out

    def _death_of(self, number: int, deadline: float) -> Death | None:
        """Read answers until this sandbox's: those of released ones may stand before it."""
        while True:
            answered, death = self._answer(deadline)
            if answered == number:
                return death

    def _answer(self, deadline: float) -> tuple[int, Death | None]:
        assert self._channel is not None
        number, death = control.decode_death(self._channel.receive(control.DEATH.size, deadline))
        if death is not None:
            self._told(death)
        return number, death

    def _fork(self) -> tuple[int, Channel]:
        """Order a fork; it happens while the caller goes on, and `READY` on the socket says it has."""
        self._numbers += 1
        ours, theirs = socket.socketpair()
        with theirs:
            self._order(Order.FORK, self._numbers, theirs.fileno())
        return self._numbers, Channel(ours, self._clock)

    def _take_spare(self) -> tuple[int, Channel] | None:
        spare, self._spare = self._spare, None
        if spare is None or not spare[1].ended():
            return spare
        spare[1].close()
        self._order(Order.RELEASE, spare[0])
        return None

    def _order(self, order: Order, number: int, *fds: int) -> bool:
        """Send a command; False when the zygote it was meant for is gone."""
        with self._lock:
            if self._channel is None or number <= self._oldest or self._owner != os.getpid():
                return False
            try:
                self._channel.send(control.COMMAND.pack(order, number), fds, self._clock() + _ANSWER_S)
            except EOFError:
                return False
            except TimeoutError:
                self._end(patience_s=0)
                return False
        return True

    def _end(self, patience_s: float = _ANSWER_S) -> int | None:
        """Put the zygote down and forget it; returns its exit status.

        The end of its socket lets it kill and reap its sandboxes itself. Force comes after `patience_s`.
        """
        process = self._process
        self._forget()
        if process is None:
            return None
        try:
            return process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait()

    def _forget(self) -> None:
        """Drop every descriptor of a zygote that is gone, or is another process's."""
        if self._spare is not None:
            self._spare[1].close()
        if self._channel is not None:
            self._channel.close()
        self._process = self._channel = self._spare = None
        self._greeted = False
