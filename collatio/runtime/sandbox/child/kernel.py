"""The Linux calls that Python has no name for, through the C library."""

from __future__ import annotations

import ctypes
import os
import sys

_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Kernel:
    """Calls into the running Linux kernel. Every method raises OSError as the kernel says."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise OSError("these calls are Linux's")
        self._libc = ctypes.CDLL(None, use_errno=True)

    def prctl(self, option: int, argument: int = 0, pointer: ctypes.Structure | None = None) -> int:
        """Set or ask a process attribute, with one argument or with one and a pointer (prctl(2))."""
        last = ctypes.byref(pointer) if pointer is not None else ctypes.c_ulong(0)
        zero = ctypes.c_ulong(0)
        return self._checked(self._libc.prctl(option, ctypes.c_ulong(argument), last, zero, zero))

    def syscall(self, number: int, *arguments: object) -> int:
        """Call a system call by its number; returns what it returns."""
        return self._checked(self._libc.syscall(ctypes.c_long(number), *arguments))

    def unshare(self, flags: int) -> None:
        """Move this process into new namespaces (unshare(2))."""
        self._checked(self._libc.unshare(ctypes.c_int(flags)))

    def drop_capabilities(self) -> None:
        """Give up every capability (capset(2)); with no_new_privs there is no way back."""
        header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
        nothing = (ctypes.c_uint32 * 6)()
        self._checked(self._libc.capset(ctypes.byref(header), ctypes.byref(nothing)))

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
