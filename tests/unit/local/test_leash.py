"""A leashed process ends with its parent, and orphans are brought to their end."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="death signals and subreapers are Linux's")

LEASHED = """
import os, signal, subprocess, sys
from collatio.local.leash import die_with_parent
parent = os.getpid()
pid = os.fork()
if pid == 0:
    die_with_parent(parent)
    print(os.getpid(), flush=True)
    while True:
        signal.pause()
while True:
    signal.pause()
"""

ORPHANS = """
import os, signal
from collatio.local.leash import adopt_orphans, end_descendants
adopt_orphans()
read, write = os.pipe()
middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        os.setsid()
        os.write(write, b"x")
        while True:
            signal.pause()
    os._exit(0)
os.waitpid(middle, 0)
os.read(read, 1)
print(end_descendants(), end_descendants())
"""


def test_a_leashed_child_dies_with_its_parent() -> None:
    """The end of the parent, by kill -9 too, is the end of the child."""
    with subprocess.Popen([sys.executable, "-c", LEASHED], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        watched = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        ready, _, _ = select.select([watched], [], [], 5)
        os.close(watched)
    assert ready


def test_an_orphan_in_a_session_of_its_own_is_ended() -> None:
    """No descendant escapes, and a second look finds none."""
    ended = subprocess.run(
        [sys.executable, "-c", ORPHANS], capture_output=True, text=True, check=True, timeout=20
    )
    assert ended.stdout.split() == ["1", "0"]
