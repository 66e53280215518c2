"""Which walls there will be: prepared and tried once, in the zygote, so that each fork only enters them.

Rules: what the trial fork could do is required of every sandbox; one that cannot ends before it sees a byte.
What the trial could not do is left out, and GetCapabilities says so. All that a fork inherits is done here,
once: a fork pays for its own session, death signal, Landlock domain and short filter alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collatio.runtime.sandbox.child import landlock, namespaces, seccomp
from collatio.runtime.sandbox.child.bounds import bound_threads, bound_zygote
from collatio.runtime.sandbox.child.kernel import Kernel
from collatio.runtime.sandbox.child.readable import readable_paths
from collatio.runtime.sandbox.child.seccomp import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME = 1, 4, 15
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_OOM_SCORE = "500"  # killed before any server, whatever their sizes


@dataclass(frozen=True, slots=True)
class Plan:
    """The walls of this zygote's forks; without a `kernel` there are none but resource limits.

    `ruleset` is Landlock's descriptor. `name` is what `ps` shows, as C wants it.
    """

    kernel: Kernel | None = None
    ruleset: int | None = None
    filter: Filter | None = None
    name: ctypes.Array[ctypes.c_char] | None = None


def prepare(readable: Iterable[str]) -> Plan:
    """Isolate the zygote as far as its forks may inherit it, and prepare the rest.

    The process must have one thread. Afterwards it has no privileges, no network and no way back.
    """
    bound_zygote()
    if sys.platform != "linux":
        return Plan()
    kernel = Kernel()
    with contextlib.suppress(OSError):  # a container may mount /proc read-only; then the score stays
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    entered = namespaces.separate(kernel)
    if "user" in entered and _counts_by_namespace():
        bound_threads()
    kernel.drop_capabilities()
    kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    kernel.prctl(_PR_SET_DUMPABLE, 0)  # no crash handler of the host is given a document that lies in memory
    die_with_parent(kernel)  # last: a change of credentials may clear it
    name_process(kernel, ctypes.create_string_buffer(b"collatio-zygote"))
    name = ctypes.create_string_buffer(b"collatio-sandbx")
    return Plan(kernel, _ruleset(kernel, readable), _short_filter(kernel), name)


def close_behind(plan: Plan) -> None:
    """Enter the long filter, which forks inherit, once everything is loaded."""
    machine = seccomp.architecture()
    if plan.kernel is not None and plan.filter is not None and machine is not None:
        Filter.of_zygote(machine).enter(plan.kernel)


def die_with_parent(kernel: Kernel) -> None:
    """Ask for SIGKILL when the thread that forked this process ends (prctl(2), PR_SET_PDEATHSIG)."""
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def name_process(kernel: Kernel, name: ctypes.Array[ctypes.c_char]) -> None:
    """Give this process a name that `ps` shows, at most 15 characters."""
    kernel.prctl(_PR_SET_NAME, ctypes.addressof(name))


def _ruleset(kernel: Kernel, readable: Iterable[str]) -> int | None:
    if not landlock.abi(kernel):
        return None
    ruleset = landlock.make_ruleset(kernel, readable_paths(readable))
    if _succeeds(lambda: landlock.enter(kernel, ruleset)):
        return ruleset
    os.close(ruleset)
    return None


def _short_filter(kernel: Kernel) -> Filter | None:
    machine = seccomp.architecture()
    if machine is None:
        return None
    program = Filter.of_fork(machine)
    return program if _succeeds(lambda: program.enter(kernel)) else None


def _succeeds(attempt: Callable[[], object]) -> bool:
    """Try something irrevocable in a fork, so that this process stays as it is."""
    child = os.fork()
    if child == 0:
        try:
            attempt()
        except OSError:
            os._exit(1)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _counts_by_namespace() -> bool:
    """Tell whether limiting tasks leaves other programs of this user out of the count (Linux 5.14)."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(minor)) >= (5, 14)
