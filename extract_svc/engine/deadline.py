"""When reading stops and what was read so far is handed over, a little before the sandbox is killed.

Rules: it is asked between pages, rows, blocks and members, never inside one; so a parser that hangs in a single
part meets the hard limit instead. It counts the processor's time beside the clock's, because the kernel's limit
of that comes first where a library uses several threads.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """A moment `seconds` from its making, by the clock or by the processor's time, whichever comes first."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock, self._cpu_clock = clock, cpu_clock
        self._at, self._cpu_at = clock() + seconds, cpu_clock() + seconds

    def passed(self, handover_s: float = 0.0) -> bool:
        """Tell whether it is time to stop, when so many seconds are needed for what is held already."""
        return self._clock() + handover_s >= self._at or self._cpu_clock() + handover_s >= self._cpu_at


NEVER = Deadline(math.inf, clock=float, cpu_clock=float)
"""For reading without a clock: in a process of one's own, and inside tests."""
