"""Seccomp: BPF programs, run by the kernel before each system call.

Documentation/userspace-api/seccomp_filter.rst. There are two. The long one is entered once, by the warm
zygote, and inherited: assembling and compiling it for each fork would cost as much as the fork. The short one
takes from a fork what the zygote still needs: making processes, signalling them. Both are assembled once; what
differs between forks is the process id, which is patched in.

Each rule is self-contained (compare the call's number, else skip the rule), so no jump is long. Only the
low half of an argument is looked at: flags and process ids are 32 bits wide, and both architectures are
little-endian.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import TYPE_CHECKING, Literal

from collatio.runtime.sandbox.child import syscalls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from collatio.runtime.sandbox.child.kernel import Kernel
    from collatio.runtime.sandbox.child.syscalls import Numbers

Architecture = Literal["x86_64", "aarch64"]
_AUDIT: dict[Architecture, int] = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}  # linux/audit.h

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_X32_BIT = 0x4000_0000  # the x32 ABI's numbers would pass under every rule

_CLONE_THREAD = 0x0001_0000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_FILTER_MODE = 2
_OWN_ID = 0xFFFF_FFFF  # stands for the process id until it is known; never a valid one
_INSTRUCTION = struct.Struct("=HBBI")
_VALUE_AT = 4  # where an instruction's operand lies in its bytes

_Line = tuple[int, int, int, int]
_Rule = list[_Line]


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("lines", ctypes.c_void_p))


class Filter:
    """An assembled program: the given rules, everything else allowed."""

    def __init__(self, architecture: Architecture, rules: Mapping[Numbers, _Rule]) -> None:
        lines = _opening(architecture)
        for numbers, rule in rules.items():
            number = numbers.x86_64 if architecture == "x86_64" else numbers.aarch64
            if number is not None:
                lines += [(_EQUAL, 0, len(rule), number), *rule]
        lines.append(_verdict(_ALLOW))
        self._code = bytearray(b"".join(_INSTRUCTION.pack(*line) for line in lines))
        self._own_id = [at for at, line in enumerate(lines) if line[3] == _OWN_ID]
        buffer = (ctypes.c_char * len(self._code)).from_buffer(self._code)
        self._program = _Program(len(lines), ctypes.addressof(buffer))

    @classmethod
    def of_zygote(cls, architecture: Architecture) -> Self:
        """Assemble the long program, which zygote and forks are under."""
        refused = {numbers: [_errno(errno.EPERM)] for numbers in syscalls.FORBIDDEN.values()}
        absent = {numbers: [_errno(errno.ENOSYS)] for numbers in syscalls.ABSENT.values()}
        reading = [(_ANY_BIT, 0, 1, _WRITING), _errno(errno.EPERM), _verdict(_ALLOW)]
        inspected: dict[str, _Rule] = {
            "open": [_argument(1), *reading],
            "openat": [_argument(2), *reading],
            "prlimit64": [_argument(0), (_EQUAL, 1, 0, 0), _errno(errno.EPERM), _verdict(_ALLOW)],
        }
        own = {syscalls.READING[name]: rule for name, rule in inspected.items()}
        return cls(architecture, {**own, **absent, **refused})

    @classmethod
    def of_fork(cls, architecture: Architecture) -> Self:
        """Assemble the short program, which forks are under besides."""
        to_itself = [_argument(0), (_EQUAL, 1, 0, _OWN_ID), _errno(errno.EPERM), _verdict(_ALLOW)]
        rules: dict[str, _Rule] = {
            # threads, but no processes
            "clone": [_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), _errno(errno.EPERM), _verdict(_ALLOW)],
            # abort() and pthread_kill() of one's own threads
            "kill": to_itself,
            "tgkill": to_itself,
            # neither outlive the zygote nor become traceable
            "prctl": [
                _argument(0),
                (_EQUAL, 1, 0, _PR_SET_PDEATHSIG),
                (_EQUAL, 0, 1, _PR_SET_DUMPABLE),
                _errno(errno.EPERM),
                _verdict(_ALLOW),
            ],
            "setsid": [_errno(errno.EPERM)],
            "setpgid": [_errno(errno.EPERM)],
        }
        return cls(architecture, {syscalls.OF_FORKS[name]: rule for name, rule in rules.items()})

    def __len__(self) -> int:
        """Count the instructions."""
        return len(self._code) // _INSTRUCTION.size

    def enter(self, kernel: Kernel) -> None:
        """Put this process, for good, under the program. It must have no_new_privs."""
        for line in self._own_id:
            struct.pack_into("=I", self._code, line * _INSTRUCTION.size + _VALUE_AT, os.getpid())
        kernel.prctl(_PR_SET_SECCOMP, _FILTER_MODE, self._program)


def architecture() -> Architecture | None:
    """Name the machine this runs on; None where the calls' numbers are not known."""
    match platform.machine():
        case "x86_64":
            return "x86_64"
        case "aarch64":
            return "aarch64"
    return None


def _opening(architecture: Architecture) -> list[_Line]:
    """Kill a call under another architecture's numbers, then load the number."""
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _AUDIT[architecture]),
        _verdict(_KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if architecture == "x86_64":
        lines += [(_AT_LEAST, 0, 1, _X32_BIT), _errno(errno.EPERM)]
    return lines


def _argument(index: int) -> _Line:
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)


def _errno(number: int) -> _Line:
    return _verdict(_ERRNO | number)


def _verdict(value: int) -> _Line:
    return (_RETURN, 0, 0, value)
