"""Landlock: which files may be read, and that nothing may be written, bound, connected or signalled.

Documentation/userspace-api/landlock.rst. The ruleset is made once, in the zygote; each sandbox only enters
it, so that every sandbox is a domain of its own and cannot trace or signal its siblings. Execution is not
granted: dlopen needs reading alone.
"""

from __future__ import annotations

import ctypes
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collatio.runtime.sandbox.child.kernel import Kernel

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# ABI: number of file system rights it knows
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_ABI, _NETWORK_RIGHTS = 4, 0b11  # bind and connect over TCP
_SCOPE_ABI, _SCOPES = 6, 0b11  # abstract sockets and signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi(kernel: Kernel) -> int:
    """Ask the kernel for its Landlock ABI; 0 when it has none or a container forbids it."""
    try:
        return kernel.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def make_ruleset(kernel: Kernel, readable: Iterable[str]) -> int:
    """Make a ruleset that lets the given files and folders be read, nothing else; returns its descriptor."""
    version = abi(kernel)
    rules = _Ruleset(
        files=(1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1,
        network=_NETWORK_RIGHTS if version >= _NETWORK_ABI else 0,
        scoped=_SCOPES if version >= _SCOPE_ABI else 0,
    )
    size = 24 if version >= _SCOPE_ABI else 16 if version >= _NETWORK_ABI else 8
    ruleset = kernel.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    for path in readable:
        _allow(kernel, ruleset, path)
    return ruleset


def enter(kernel: Kernel, ruleset: int) -> None:
    """Put this process, for good, under a ruleset. It must have no_new_privs."""
    kernel.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))


def _allow(kernel: Kernel, ruleset: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what cannot be opened needs no permission
    try:
        rights = _READ_FILE | _READ_DIR if stat.S_ISDIR(os.fstat(place).st_mode) else _READ_FILE
        rule = _Beneath(allowed=rights, parent=place)
        kernel.syscall(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(place)
