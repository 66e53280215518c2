"""Namespaces, entered once by the zygote and inherited by every fork.

Making a network namespace for each sandbox would cost more than the fork, and its teardown is serial in the
kernel. Sharing an empty one is as good: its loopback is down, nobody inside may bring it up, and
sockets are refused besides. A PID namespace is left out on purpose: its first process is spared the default
action of signals, SIGXCPU among them, and what it would give (no process outlives the sandbox) comes from
seccomp's refusal to fork and from the zygote being its orphans' reaper. No user id is mapped: nothing in a
sandbox needs a name for itself, and an unmapped user cannot make another user namespace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collatio.runtime.sandbox.child.kernel import Kernel

_FLAGS = {"user": 0x1000_0000, "net": 0x4000_0000, "ipc": 0x0800_0000}  # linux/sched.h, CLONE_NEW*


def separate(kernel: Kernel) -> tuple[str, ...]:
    """Enter as many new namespaces as the kernel permits; returns their names.

    All at once first: without privileges, the user namespace is what permits the others. Where a container
    forbids it, an administrator may still get the others one by one.
    """
    try:
        kernel.unshare(sum(_FLAGS.values()))
    except OSError:
        return tuple(name for name, flag in _FLAGS.items() if _entered(kernel, flag))
    return tuple(_FLAGS)


def _entered(kernel: Kernel, flag: int) -> bool:
    try:
        kernel.unshare(flag)
    except OSError:
        return False
    return True
