"""The filters, judged by a small interpreter of their instructions: what each call with its arguments gets."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
from pathlib import Path
from typing import Literal

import pytest

from collatio.runtime.sandbox.child import syscalls
from collatio.runtime.sandbox.child.kernel import Kernel
from collatio.runtime.sandbox.child.seccomp import Architecture, Filter

AUDIT: dict[Architecture, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES: list[Architecture] = ["x86_64", "aarch64"]
ALLOW, REFUSE, MISSING, KILL = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS, 0x80000000
TABLES = {**syscalls.FORBIDDEN, **syscalls.ABSENT, **syscalls.READING, **syscalls.OF_FORKS}
THREAD = 0x3D0F00  # what glibc passes for a thread


class Recorder(Kernel):
    """Takes a program instead of the kernel."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, int, int, int]] = []

    def prctl(self, option: int, argument: int = 0, pointer: ctypes.Structure | None = None) -> int:
        """Keep the instructions that the pointer leads to."""
        assert pointer is not None
        assert (option, argument) == (22, 2)
        raw = ctypes.string_at(pointer.lines, pointer.count * 8)
        self.lines = list(struct.iter_unpack("=HBBI", raw))
        return 0


def verdict(program: Filter, machine: int, number: int, *arguments: int) -> int:
    """Run a program as the kernel would."""
    recorder = Recorder()
    program.enter(recorder)
    data = struct.pack("<IIQ6Q", number, machine, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    value, at = 0, 0
    while True:
        code, yes, no, operand = recorder.lines[at]
        at += 1
        match code:
            case 0x20:
                value = struct.unpack_from("<I", data, operand)[0]
            case 0x15:
                at += yes if value == operand else no
            case 0x35:
                at += yes if value >= operand else no
            case 0x45:
                at += yes if value & operand else no
            case 0x06:
                return operand


def asked(machine: Architecture, which: Literal["zygote", "fork"], name: str, *arguments: int) -> int | None:
    """Ask one of the filters about a call by name; None where the machine has no such call."""
    number = getattr(TABLES[name], machine)
    program = Filter.of_zygote(machine) if which == "zygote" else Filter.of_fork(machine)
    return None if number is None else verdict(program, AUDIT[machine], number, *arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_forbidden_calls_are_refused(machine: Architecture) -> None:
    """Every call of the list is refused under its number, by the filter that all inherit."""
    assert {asked(machine, "zygote", name) for name in syscalls.FORBIDDEN} <= {REFUSE, None}
    assert {asked(machine, "zygote", name) for name in syscalls.ABSENT} == {MISSING}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("openat", (0, 0, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY), ALLOW),
        ("openat", (0, 0, os.O_WRONLY), REFUSE),
        ("openat", (0, 0, os.O_RDWR), REFUSE),
        ("openat", (0, 0, os.O_RDONLY | os.O_CREAT), REFUSE),
        ("openat", (0, 0, os.O_RDONLY | os.O_TRUNC), REFUSE),
        ("prlimit64", (0,), ALLOW),
        ("prlimit64", (1,), REFUSE),
    ],
)
def test_the_zygote_only_reads(
    machine: Architecture, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    """Files are opened for reading, limits changed for oneself."""
    assert asked(machine, "zygote", name, *arguments) == expected


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (THREAD,), ALLOW),
        ("clone", (17,), REFUSE),
        ("clone", (0x4111,), REFUSE),
        ("kill", (os.getpid(), 6), ALLOW),
        ("kill", (1, 9), REFUSE),
        ("kill", (0, 9), REFUSE),
        ("kill", (0xFFFFFFFF, 9), REFUSE),
        ("tgkill", (os.getpid(), 5, 6), ALLOW),
        ("tgkill", (1, 1, 9), REFUSE),
        ("prctl", (15,), ALLOW),
        ("prctl", (1, 0), REFUSE),
        ("prctl", (4, 1), REFUSE),
        ("setsid", (), REFUSE),
        ("setpgid", (), REFUSE),
    ],
)
def test_a_fork_stays_alone(
    machine: Architecture, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    """Threads but no processes, signals to oneself alone, and no escape from the death signal."""
    assert asked(machine, "fork", name, *arguments) == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_foreign_numbers_do_not_slip_through(machine: Architecture) -> None:
    """A call under another architecture's numbers ends the process; the x32 ABI is refused."""
    for program in (Filter.of_zygote(machine), Filter.of_fork(machine)):
        assert verdict(program, 0x40000003, 59) == KILL
        if machine == "x86_64":
            assert verdict(program, AUDIT[machine], 0x40000000 | 59) == REFUSE
        assert verdict(program, AUDIT[machine], 63 if machine == "aarch64" else 0) == ALLOW, "read"


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_the_kernel_headers(machine: Architecture, header: str) -> None:
    """No number is mistyped: each that this machine's headers know is the same there."""
    if not Path(header).is_file():
        pytest.skip(f"{header} is not installed")
    text = Path(header).read_text()
    known = {m[1]: int(m[2]) for m in re.finditer(r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)\s", text)}
    ours = {name: getattr(numbers, machine) for name, numbers in TABLES.items()}
    assert {name: number for name, number in ours.items() if name in known} == {
        name: known[name] for name in ours if name in known
    }
    assert len(known.keys() & ours) > 60
