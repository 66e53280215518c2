"""The supervising process is light, and ends without a plan."""

from __future__ import annotations

import subprocess
import sys

IMPORTS = "import sys, collatio.local.supervise; print(*(set('grpc celery redis asyncio'.split()) & set(sys.modules)))"


def test_it_loads_nothing_the_mesh_is_made_of() -> None:
    """Supervision costs a tenth of a second of the start, not a half."""
    loaded = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_it_ends_at_once_when_the_command_died_before_telling_the_plan() -> None:
    """A half-written plan starts nothing."""
    argv = [sys.executable, "-m", "collatio.local.supervise"]
    ended = subprocess.run(argv, input=b'{"programs": [', capture_output=True, check=True, timeout=20)
    assert ended.stdout == b""
