"""The byte that tells a worker's pool children that it is stopping.

Celery fires `worker_shutting_down` in the parent only, after the soft-shutdown wait. So the parent's own signal
handler writes the time into memory it shares with the children it forked, and they look at it between steps.
"""

from __future__ import annotations

import mmap
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMAT = struct.Struct("d")
MARGIN_S = 1.0


class StopClock:
    """Shared by a worker's parent and children; made before the fork."""

    def __init__(self, soft_shutdown_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory = mmap.mmap(-1, _FORMAT.size)
        self._soft_shutdown_s = soft_shutdown_s
        self._clock = clock

    def stop(self) -> None:
        """Say that the worker is stopping. Safe in a signal handler; the first call counts."""
        if not self.stopping():
            _FORMAT.pack_into(self._memory, 0, self._clock())

    def stopping(self) -> bool:
        """Tell whether no further step may begin."""
        return bool(_FORMAT.unpack_from(self._memory, 0)[0] > 0)

    def must_let_go(self) -> bool:
        """Tell whether even the step in hand must be given back: the children are about to be killed."""
        (since,) = _FORMAT.unpack_from(self._memory, 0)
        return bool(since > 0 and self._clock() - since > max(0.0, self._soft_shutdown_s - MARGIN_S))
