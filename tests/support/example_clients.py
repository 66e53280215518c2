"""The programs of examples/clients, made ready once and run as their readers would run them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLIENTS = ROOT / "examples" / "clients"
BUILD_S, RUN_S = 500.0, 90.0


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: the examples in its language are not run")
    return found


def _built(argv: Sequence[str], folder: Path) -> None:
    """Run a build; where it cannot fetch what it needs, skip, but never in continuous integration."""
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=BUILD_S, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"{' '.join(argv[:2])} failed, perhaps without a network:\n{done.stderr[-2_000:]}")
    assert done.returncode == 0, done.stderr


def python_client() -> list[str]:
    """Give the command of the Python example."""
    return [sys.executable, str(CLIENTS / "python" / "compare.py")]


def node_client() -> list[str]:
    """Give the command of the Node example, whose packages are installed by its lock."""
    node, npm = _tool("node"), _tool("npm")
    folder = CLIENTS / "node"
    installed, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _built([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    return [node, str(folder / "compare.mjs")]


def go_client(scratch: Path) -> list[str]:
    """Build the Go example into a folder and give its command."""
    program = scratch / "compare"
    _built([_tool("go"), "build", "-o", str(program), "./cmd/compare"], CLIENTS / "go")
    return [str(program)]


def available(scratch: Path) -> dict[str, list[str]]:
    """Give the commands of the Node and Go examples, as far as their tools are here."""
    found = {}
    if shutil.which("node") and shutil.which("npm"):
        found["node"] = found["node --reflect"] = node_client()
    if shutil.which("go"):
        found["go"] = go_client(scratch)
    return found


@dataclass
class Ran:
    """An example at work: what it has printed so far."""

    process: asyncio.subprocess.Process
    reading: asyncio.Task[None] | None = None
    lines: list[str] = field(default_factory=list)
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        """Take in what it prints, to its end."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._told:
                self.lines.append(line.decode().rstrip())
                self._told.notify_all()
        async with self._told:
            self._told.notify_all()

    async def until(self, line: str) -> None:
        """Wait for a line. Fails where the program ends before."""
        async with asyncio.timeout(RUN_S), self._told:
            await self._told.wait_for(lambda: line in self.lines or self.process.returncode is not None)
        assert line in self.lines, self.lines

    async def end(self) -> list[str]:
        """Wait for its end, which must be a good one; returns what it printed."""
        async with asyncio.timeout(RUN_S):
            status = await self.process.wait()
            assert self.reading is not None
            await self.reading
        assert status == 0, self.lines
        return self.lines


async def start(argv: Sequence[str]) -> Ran:
    """Start an example; what it says beside its output is shown with the test's."""
    ran = Ran(await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE))
    ran.reading = asyncio.create_task(ran.read())
    return ran
