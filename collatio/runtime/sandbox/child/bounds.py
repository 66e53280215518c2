"""Resource limits of a sandbox, set from inside before it sees a byte.

Two limits bound memory. RLIMIT_DATA counts private writable memory, which is what parsers fill; but not shared
mappings. RLIMIT_AS counts everything, reserved and never touched arenas and mapped inputs too, so it is
wider. Both count from the zygote's own footprint, which every fork starts with.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collatio.runtime.sandbox.child.footprint import Footprint
    from collatio.runtime.sandbox.limits import Limits

_RESERVE = 512 * 1024 * 1024  # arenas and thread stacks that are reserved, not used
_THREADS = 256
DESCRIPTORS_MAX = 4096
"""No zygote or sandbox has a descriptor beyond this, so closing all of them is quick on any kernel."""


def bound_zygote() -> None:
    """Lower what the zygote itself shall not have: crash dumps, and descriptors without end."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, DESCRIPTORS_MAX)


def bound(limits: Limits, footprint: Footprint) -> None:
    """Lower this process's limits for good. Raises OSError or ValueError where the kernel refuses."""
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    if sys.platform == "linux":  # elsewhere the kernel takes these limits and ignores them
        _lower(resource.RLIMIT_DATA, footprint.data + limits.memory_bytes)
        _lower(resource.RLIMIT_AS, footprint.address_space + 2 * limits.memory_bytes + _RESERVE)


def bound_threads() -> None:
    """Lower the number of this user's tasks; only where a user namespace makes the count one's own."""
    _lower(resource.RLIMIT_NPROC, _THREADS)


def allow_cpu(seconds: float) -> None:
    """Start a call's CPU allowance; the kernel counts whole seconds and ends the process with SIGXCPU."""
    soft = math.ceil(time.process_time() + seconds)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (lowest, lowest))
