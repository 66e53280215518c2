"""How much one sandbox may use."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one sandbox; times and output count anew for each call, memory and files for its life.

    `memory_bytes` is what it may allocate beyond the warm zygote's own memory (private writable memory
    exactly, all address space at twice that and a reserve). `cpu_s` is rounded up to whole seconds by the
    kernel. `open_files` includes the four descriptors a sandbox starts with. Every bound is positive.
    """

    wall_s: float
    cpu_s: float
    memory_bytes: int
    output_bytes: int
    open_files: int = 64

    def __post_init__(self) -> None:
        """Refuse a bound that would stop every call."""
        for name, value in asdict(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive")
        if self.open_files < 16:
            raise ValueError("open_files must be at least 16")

    def encode(self) -> bytes:
        """Write the limits for the way into the sandbox."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Limits:
        """Read what `encode` wrote."""
        return cls(**json.loads(data))
