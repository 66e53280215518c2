"""Failpoints: armed by a file, taken once, known by name, refused in production."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime import failpoints
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import NAMES, Action, arm, enable, reach, taken
from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "worker.settle.before"
PROGRAM = "extract_svc"
PACKAGES = ("collatio", "gateway", "fetch_svc", "extract_svc", "compare_svc")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that this process heeds."""
    enable(tmp_path, "test", PROGRAM)
    yield tmp_path
    enable(None, "test", PROGRAM)


def test_a_point_is_passed_where_nothing_is_armed(folder: Path) -> None:
    """Neither without a folder nor with an empty one does anything happen."""
    reach(NAME)
    enable(None, "production", PROGRAM)
    reach(NAME)
    assert taken(folder, NAME) is None


def test_an_armed_point_acts_once_and_says_who_took_it(folder: Path) -> None:
    """The second to reach it passes, in this process or another."""
    arm(folder, NAME, "raise BLOB_STORE_FULL")
    with pytest.raises(CollatioError) as caught:
        reach(NAME)
    assert caught.value.reason is Reason.BLOB_STORE_FULL
    assert taken(folder, NAME) == os.getpid()
    reach(NAME)


def test_a_point_can_pass_some_times_first(folder: Path) -> None:
    """So that a crash lands in the middle of work, and not always at its first step."""
    arm(folder, NAME, "raise BLOB_STORE_FULL after=2")
    reach(NAME)
    reach(NAME)
    with pytest.raises(CollatioError):
        reach(NAME)


def test_a_point_can_be_one_programs(folder: Path) -> None:
    """All stages share the code that has the points; a test may want one of them."""
    arm(folder, NAME, "raise BLOB_STORE_FULL in=fetch_svc")
    reach(NAME)
    arm(folder, NAME, f"raise BLOB_STORE_FULL in={PROGRAM}")
    with pytest.raises(CollatioError):
        reach(NAME)


@pytest.mark.parametrize(("action", "status"), [("kill", -signal.SIGKILL), ("delay 0", 0)])
def test_a_killed_process_is_dead_at_once(tmp_path: Path, action: str, status: int) -> None:
    """As `kill -9` does it: nothing is cleaned up."""
    arm(tmp_path, NAME, action)
    code = (
        "import pathlib, sys; from collatio.runtime import failpoints as f;"
        f"f.enable(pathlib.Path(sys.argv[1]), 'test', ''); f.reach({NAME!r})"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == status


@pytest.mark.parametrize(
    "text", ["", "die", "delay", "delay soon", "raise NOTHING", "kill after=x", "kill on=x"]
)
def test_an_action_that_is_none_is_refused(text: str) -> None:
    """A test that arms a point wrongly must not pass for want of a fault."""
    with pytest.raises(ValueError, match=r"."):
        Action.parse(text)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    """Both where it is armed and, as a fault of the settings, where a process starts with it."""
    with pytest.raises(ValueError, match="no failpoint"):
        arm(tmp_path, "worker.no.such", "kill")
    (tmp_path / "worker.no.such").write_text("kill")
    with pytest.raises(CollatioError) as caught:
        enable(tmp_path, "test", PROGRAM)
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert "worker.no.such" in caught.value.message


def test_production_refuses_them(tmp_path: Path) -> None:
    """A process that serves the world starts without this door or not at all."""
    argv = [sys.executable, "-m", "gateway", "serve", "--state-url", "redis://localhost:1/0", "--blob-url"]
    argv += [tmp_path.as_uri(), "--failpoints", str(tmp_path), "--env", "production"]
    argv += [f"--{stage}-target=localhost:1" for stage in ("fetch", "extract", "compare")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "SETTINGS_INVALID: failpoints are for tests" in done.stderr


def test_every_point_stands_somewhere_and_every_place_has_a_name() -> None:
    """The list and the code agree, so that a test over the list reaches every place."""
    sources = [p for package in PACKAGES for p in (ROOT / package).rglob("*.py") if p.name != "failpoints.py"]
    texts = [text for path in sources if "reach(" in (text := path.read_text("utf-8"))]
    calls = [call for text in texts for call in re.findall(r"\breach\(([^)]*)\)", text)]
    placed = {name for call in calls for name in re.findall(r'"([a-z]+(?:\.[a-z_]+)+)"', call)}
    assert placed == set(NAMES)
    assert len(failpoints.NAMES) >= 24
