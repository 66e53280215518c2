"""Open a path beneath a folder without ever following a link.

Theory. Checking a path and then opening it is a race: whoever may write in the folder swaps a name for a link
in between. Linux resolves a whole path under rules in one call (`openat2(2)`, since 5.6); elsewhere, and where
a sandbox hides that call, every component is opened on its own with O_NOFOLLOW, relative to the one before.

Both open with O_NONBLOCK, so that a pipe without a writer does not hold the worker, and neither can be a
controlling terminal. What was opened is looked at afterwards, by descriptor.

Known ugliness: Python has no binding of `openat2` and `fstatfs` (f_type), so they are called through ctypes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from typing import Protocol

OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
FOLDER_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
_ANCHOR_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW

_SYS_OPENAT2 = 437  # the same on every architecture but alpha
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08  # linux/openat2.h
_RETRIES = 16
_KERNEL_FILESYSTEMS = frozenset(
    {
        0x9FA0,  # proc
        0x62656572,  # sysfs
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0x73636673,  # securityfs
        0xCAFE4A11,  # bpf
        0x1CD1,  # devpts
        0x19800202,  # mqueue
    }
)


class Opener(Protocol):
    """Opens a relative path beneath an open folder, following no link; raises OSError (ELOOP for a link)."""

    def __call__(self, folder: int, path: bytes) -> int:
        """Return a descriptor that the caller closes."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class OpenByKernel:
    """Opens with one `openat2` call. EXDEV and ELOOP mean that the path led out or over a link."""

    def __init__(self) -> None:
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long
        self._how = _OpenHow(OPEN_FLAGS, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
        self._how_bytes = ctypes.c_size_t(ctypes.sizeof(_OpenHow))

    def __call__(self, folder: int, path: bytes) -> int:
        """Open, trying again when a rename elsewhere made the kernel unsure (EAGAIN)."""
        for _ in range(_RETRIES):
            descriptor: int = self._syscall(
                ctypes.c_long(_SYS_OPENAT2),
                ctypes.c_int(folder),
                ctypes.c_char_p(path),
                ctypes.byref(self._how),
                self._how_bytes,
            )
            if descriptor >= 0:
                return descriptor
            number = ctypes.get_errno()
            if number not in {errno.EAGAIN, errno.EINTR}:
                break
        raise OSError(number, os.strerror(number))


def open_by_component(folder: int, path: bytes) -> int:
    """Open component by component, each relative to the one before and with O_NOFOLLOW."""
    *parents, last = path.split(b"/")
    held = folder
    try:
        for name in parents:
            inner = _open_here(held, name, _ANCHOR_FLAGS)
            if held != folder:
                os.close(held)
            held = inner
        return _open_here(held, last, OPEN_FLAGS | os.O_NOFOLLOW)
    finally:
        if held != folder:
            os.close(held)


def _open_here(folder: int, name: bytes, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except NotADirectoryError:
        # A link where a folder is asked for is ENOTDIR on Linux; only the word for it is decided here.
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise


def best_opener() -> Opener:
    """Return the strongest opener that works here."""
    if sys.platform != "linux":
        return open_by_component
    opener = OpenByKernel()
    anchor = os.open(b"/", _ANCHOR_FLAGS)
    try:
        os.close(opener(anchor, b"."))
    except OSError:
        return open_by_component  # an older kernel, or a sandbox without the call
    finally:
        os.close(anchor)
    return opener


def open_place(real_root: bytes, remainder: bytes, opener: Opener) -> int:
    """Open a root itself, or a path beneath it."""
    if not remainder:
        return os.open(real_root, OPEN_FLAGS | os.O_NOFOLLOW)
    anchor = os.open(real_root, _ANCHOR_FLAGS)
    try:
        return opener(anchor, remainder)
    finally:
        os.close(anchor)


class KernelFiles:
    """Tells the kernel's own file systems (/proc, /sys, …) from those that hold documents."""

    def __init__(self) -> None:
        self._fstatfs = ctypes.CDLL(None, use_errno=True).fstatfs if sys.platform == "linux" else None

    def __call__(self, descriptor: int) -> bool:
        """Whether a descriptor lies on one of them."""
        if self._fstatfs is None:
            return False
        buffer = (ctypes.c_ulong * 32)()  # struct statfs begins with f_type, a word wide
        if self._fstatfs(descriptor, buffer) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return (buffer[0] & 0xFFFFFFFF) in _KERNEL_FILESYSTEMS
