"""How the command is interrupted, and what a terminal shows."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from tests.wire.fake_gateway import FakeMesh, Script, served

if TYPE_CHECKING:
    pass
from tests.wire.cli_bench import ROOT, collatio, read_until, start


def test_ctrl_c_cancels_the_job_and_stops_the_mesh(folder: Path) -> None:
    """An interrupted run leaves neither a job nor a mesh behind, and exits 130."""
    with start({"hold": True}, "run", "docs") as process:
        read_until(process.stderr, "queued")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert time.monotonic() - began < 10
    assert process.returncode == 130
    assert "interrupted; jobs/fake-1 is being cancelled" in said
    assert "Traceback" not in said
    left = json.loads(said.splitlines()[-1])
    assert (left["stopped"], left["CancelJob"]) == (True, 1)


def test_sigterm_tidies_up_too(folder: Path) -> None:
    """A supervisor's stop is as tidy as Ctrl-C, and exits as the signal says."""
    with start({"hold": True}, "run", "docs") as process:
        read_until(process.stderr, "queued")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 143
    assert json.loads(said.splitlines()[-1])["stopped"]


def test_interrupted_run_leaves_the_output_as_it_was(folder: Path) -> None:
    """What stood in the folder stands there still, and nothing half-written beside it."""
    out = folder.parent / "out"
    out.mkdir()
    (out / "job.json").write_text("old")
    with start({"hold": True}, "run", "docs", "-o", "out", "--force") as process:
        read_until(process.stderr, "queued")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert [each.name for each in out.iterdir()] == ["job.json"]
    assert (out / "job.json").read_text() == "old"


def test_ctrl_c_leaves_a_watched_job_running(folder: Path) -> None:
    """Watching is not owning."""
    with served(Script(hold=True)) as gateway:
        collatio("submit", "docs", "--gateway", gateway.target)
        with start({}, "watch", "fake-1", "--gateway", gateway.target) as process:
            read_until(process.stderr, "queued")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
        assert process.returncode == 130
        assert gateway.calls["CancelJob"] == 0


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_up_serves_until_it_is_stopped(folder: Path, signum: int, status: int) -> None:
    """`up` prints the address when it serves; SIGTERM is its ordinary end."""
    with start({}, "up", "--port", "50999", "--root", "docs") as process:
        assert process.stdout is not None
        assert re.fullmatch(r"127\.0\.0\.1:\d+\n", process.stdout.readline())
        process.send_signal(signum)
        _, said = process.communicate(timeout=10)
    assert process.returncode == status
    assert "its stages answer too: fetch 127.0.0.1:51001" in said
    assert json.loads(said.splitlines()[-1])["stopped"]


def test_up_passes_its_options_on(folder: Path) -> None:
    """Port, data folder and roots reach the mesh; its failure ends the command with 4."""
    mesh = FakeMesh()
    mesh.failed = CollatioError(Reason.STAGE_UNAVAILABLE, "gone")
    result = collatio("up", "--port", "50999", "--data", "kept", "--root", "docs", mesh=mesh)
    assert result.exit_code == 4
    assert mesh.opened == {"data_dir": Path("kept"), "port": 50999, "roots": (folder,)}


def test_closed_output_is_no_error(folder: Path) -> None:
    """`collatio extract … | head` ends quietly."""
    (folder / "big.txt").write_text(
        "word word word word\n\n" * 250_000
    )  # many blocks: no message is too large
    with start({}, "extract", "docs") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.wait(20)
    assert process.returncode == 141, said
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


@pytest.mark.parametrize(("env", "colour"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_bars_on_a_terminal(folder: Path, env: dict[str, str], colour: bool) -> None:
    """A terminal gets a bar a stage, without colour where NO_COLOR is set."""
    ours, theirs = pty.openpty()
    plain = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "TERM"}}
    environment = {**plain, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **env}
    with start({}, "run", "docs", stderr=theirs, text=False, env=environment) as process:
        os.close(theirs)
        said = b""
        while chunk := _read(ours):
            said += chunk
        process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == 0
    assert all(stage in said for stage in (b"fetch", b"extract", b"compare"))
    assert (re.search(rb"\x1b\[[0-9;]*3[0-9]", said) is not None) == colour


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux tells that the other end is closed
        return b""


def test_help_loads_nothing_heavy() -> None:
    """--help and version are quick because they import neither gRPC nor rich nor protobuf."""
    code = (
        "import sys\nfrom collatio.cli.program import program\n"
        "try:\n    program.main(sys.argv[1:])\n"
        "except SystemExit:\n    print([n for n in ('grpc', 'rich', 'google.protobuf') if n in sys.modules])"
    )
    for args in (["--help"], ["run", "--help"], ["version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stdout.splitlines()[-1] == "[]"
