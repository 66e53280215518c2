"""Ending asyncio tasks for certain.

Until Python 3.12 `asyncio.wait_for` gives back its result and forgets a cancellation that arrives in the same turn
of the loop (python/cpython#86296), and redis-py sends every command through it. So a task that works with the store
may live on after one `cancel`; whoever waits for its end then waits for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 0.05


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks until every one has ended; what they raise is not raised here. None stands for no task."""
    pending = {task for task in tasks if task is not None}
    while pending:
        for task in pending:
            task.cancel()
        ended, pending = await asyncio.wait(pending, timeout=AGAIN_S)
        for task in ended:
            if not task.cancelled():
                task.exception()  # looked at, or asyncio complains of it
