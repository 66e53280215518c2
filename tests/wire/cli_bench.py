"""What the tests of the command share: a folder, a gateway, and ways to run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from collatio.cli.program import program
from collatio.cli.surroundings import Surroundings
from tests.wire.fake_gateway import FakeMesh

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import atexit, json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from collatio.cli.program import program
from collatio.cli.surroundings import Surroundings
from tests.wire.fake_gateway import FakeGateway, FakeMesh, Script
mesh = FakeMesh(FakeGateway(Script(**json.loads(sys.argv[1]))))
atexit.register(lambda: print(json.dumps(
    {"stopped": mesh.stopped, **mesh.gateway.calls, **{"jobs": len(mesh.gateway.jobs)}}), file=sys.stderr))
program.main(sys.argv[2:], obj=Surroundings(open_mesh=mesh))
"""


def collatio(*args: object, mesh: FakeMesh | None = None, given: str | None = None) -> Result:
    """Run the command with a fake mesh in the embedded one's place."""
    surroundings = Surroundings(open_mesh=mesh or FakeMesh())
    return CliRunner().invoke(program, [str(each) for each in args], input=given, obj=surroundings)


def rows(text: str) -> list[dict[str, Any]]:
    """Read lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def start(script: dict[str, Any], *args: object, **options: Any) -> subprocess.Popen[str]:
    """Run the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(DRIVER), json.dumps(script), *map(str, args)],
        **{
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "env": {**os.environ, "PYTHONPATH": str(ROOT)},
            **options,
        },
    )


def read_until(stream: Any, text: str) -> str:
    """Read lines until one holds the text."""
    read = ""
    for line in stream:
        read += str(line)
        if text in line:
            return read
    raise AssertionError(f"{text!r} was never said: {read}")
