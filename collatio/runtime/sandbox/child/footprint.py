"""How much memory the warm zygote has, which every fork starts with."""

from __future__ import annotations

import resource
import sys
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of address space, of private writable memory, and resident."""

    address_space: int
    data: int
    resident: int


def measure() -> Footprint:
    """Measure this process; zeros for what the platform does not tell."""
    if sys.platform != "linux":
        return Footprint(0, 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    page = resource.getpagesize()
    size, resident, _shared, _text, _lib, data, _dirty = Path("/proc/self/statm").read_text().split()
    return Footprint(int(size) * page, int(data) * page, int(resident) * page)


def peak_bytes(ru_maxrss: int) -> int:
    """Convert a rusage's peak to bytes: Linux counts KiB, macOS bytes."""
    return ru_maxrss if sys.platform == "darwin" else ru_maxrss * 1024


def threads() -> int:
    """Count this process's threads, those of native libraries included where the platform tells."""
    if sys.platform != "linux":
        return threading.active_count()
    return sum(1 for _ in Path("/proc/self/task").iterdir())
