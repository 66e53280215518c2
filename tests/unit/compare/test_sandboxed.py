"""What a message's sandbox finds ready: what is made at a first pair is made before the fork."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import sys
from compare_svc import sandboxed
from compare_svc.engine import words
assert {"numpy", "rapidfuzz"} <= set(sys.modules), "libraries"
assert words._unicode_pattern.cache_info().currsize == 1, "the pattern for text beyond ASCII"
"""


def test_a_pair_has_nothing_left_to_make_ready() -> None:
    """Libraries and patterns are there before the first pair, so that no message pays for them again."""
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
