"""Other processes, as the kernel tells of them: who is whose child, and who has ended. Linux only."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def children_of(parent: int) -> list[int]:
    """List the processes that a process has started and not yet reaped, in order of their ids."""
    found: list[int] = []
    for listed in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            found += map(int, listed.read_text("ascii").split())
        except (FileNotFoundError, ProcessLookupError):  # the thread ended while we looked
            continue
    return sorted(found)


def tree_of(root: int) -> list[int]:
    """List a process and all below it."""
    return [root, *(pid for child in children_of(root) for pid in tree_of(child))]


def kill_all(pids: Iterable[int]) -> None:
    """Kill processes as `kill -9` does; who died with a parent that was killed first is gone already."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def frozen(pids: Sequence[int]) -> Iterator[None]:
    """Stop processes for the time of the block; who is gone by its end is gone."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def command_of(pid: int) -> str:
    """Return a process's command line; a Celery process writes its title there."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()


def left_of(pids: Iterable[int], within_s: float) -> list[int]:
    """Wait for processes to end; list those that did not in time."""
    deadline = time.monotonic() + within_s
    left = []
    for pid in pids:
        try:
            watched = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([watched], [], [], max(0.0, deadline - time.monotonic()))
        os.close(watched)
        if not ended:
            left.append(pid)
    return left
