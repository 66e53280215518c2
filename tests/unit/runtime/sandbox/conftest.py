"""What the sandbox tests share: one warm zygote, the usual limits, and eyes on processes."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.sandbox import Isolation, Limits, Zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collatio.runtime.sandbox import Sandbox

SUPPORT = str(Path(__file__).parent / "support")


@pytest.fixture
def limits() -> Limits:
    """Limits that honest work never meets."""
    return Limits(wall_s=10, cpu_s=10, memory_bytes=256 << 20, output_bytes=1 << 20)


@pytest.fixture(scope="session")
def support() -> str:
    """Name the folder of the modules that run inside."""
    return SUPPORT


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all tests of a file."""
    with Zygote(["sandbox_subjects"], extra_path=[SUPPORT]) as shared:
        yield shared


@pytest.fixture(scope="module")
def isolation(zygote: Zygote) -> Isolation:
    """Try what holds around that zygote's sandboxes on this machine."""
    return zygote.isolation()


@pytest.fixture
def sandbox(zygote: Zygote, limits: Limits) -> Iterator[Sandbox]:
    """One sandbox of the shared zygote."""
    with zygote.sandbox(limits) as one:
        yield one


@pytest.fixture
def attempt(sandbox: Sandbox) -> Callable[[str, object], str]:
    """Try one forbidden thing in a sandbox; gives "done" or the refusal's class name."""

    def tried(name: str, argument: object) -> str:
        header = json.dumps([name, argument]).encode()
        return sandbox.call("sandbox_subjects:attempt", header, ()).decode()

    return tried


@pytest.fixture
def document(tmp_path: Path) -> Iterator[int]:
    """Open a small file for reading."""
    path = tmp_path / "document"
    path.write_bytes(b"what it says")
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


class Eyes:
    """What of processes can be seen from outside."""

    @staticmethod
    def process_of(sandbox: Sandbox) -> int:
        """Return a sandbox's process id."""
        return int(sandbox.call("sandbox_subjects:process_id", b"", ()))

    @staticmethod
    def parent_of(process: int) -> int:
        """Return a process's parent."""
        return next(int(fields[1]) for pid, fields in _all_processes() if pid == process)

    @staticmethod
    def children_of(process: int) -> dict[int, str]:
        """Map a process's children, zombies included, to their states."""
        return {pid: fields[0] for pid, fields in _all_processes() if int(fields[1]) == process}

    @staticmethod
    def session_of(leader: int) -> list[int]:
        """List the living processes of the session that this process began."""
        return [p for p, fields in _all_processes() if int(fields[3]) == leader and fields[0] not in "ZX"]

    @staticmethod
    def ends_within(process: int, seconds: float) -> bool:
        """Wait for the end of a process that is not our child."""
        try:
            descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)


def _all_processes() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended while we looked


@pytest.fixture
def eyes() -> Eyes:
    """Eyes on processes; only Linux shows them."""
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    return Eyes()
