"""Blocking work in threads, seen to its end.

`asyncio.to_thread` forgets its thread when the caller is cancelled: the thread goes on with what the caller then
closes. A closed descriptor's number is soon another file's, and the thread's bytes land there. So work with a
descriptor, and work that opens something, is waited for, whatever comes meanwhile.
"""

from __future__ import annotations

import asyncio
import contextvars
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


async def to_end(work: Callable[..., Result], *args: object) -> Result:
    """Run blocking work in a thread and return its result; a cancellation is raised when the thread has ended."""
    context = contextvars.copy_context()
    running = asyncio.get_running_loop().run_in_executor(None, partial(context.run, work, *args))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        running.exception()  # looked at, or asyncio complains of it
        raise cancelled
    return running.result()
