"""A process that does not outlive the one that started it.

Linux only: `PR_SET_PDEATHSIG` for a child, `PR_SET_CHILD_SUBREAPER` for whoever must see every descendant
to its end (prctl(2)). Elsewhere both do nothing, and the supervising process's pipe to the command is what
ends the mesh. Standard library only, fork-safe: the library is loaded before the fork.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent_pid: int, signum: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent dies; call between fork and exec.

    The kernel means the parent's *thread* that forked, so fork from one that lives as long as the parent.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the call
        os.kill(os.getpid(), signum)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> int:
    """Kill and reap every child until none is left, orphans of orphans too; returns how many there were.

    Only meaningful after `adopt_orphans`, and only where there is a /proc.
    """
    ended = 0
    while children := _children_of(os.getpid()):
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        ended += len(children)
    return ended


def _children_of(parent: int) -> list[int]:
    children = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text(encoding="ascii", errors="replace")
        except OSError:  # it ended while we looked
            continue
        # proc(5): "pid (comm) state ppid …", and comm may hold spaces and brackets
        if int(text.rpartition(")")[2].split()[1]) == parent:
            children.append(int(entry.parent.name))
    return children
