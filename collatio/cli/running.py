"""Run a command's coroutine so that Ctrl-C and SIGTERM tidy up: the first asks, the second insists."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from collatio.cli.exit_status import StoppedBySignal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

    from collatio.cli.surroundings import Mesh
    from collatio.runtime.errors import CollatioError

T = TypeVar("T")


def run_async(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, or until a signal has cancelled the work and the work has tidied up.

    Errors: `StoppedBySignal`; whatever the work raises.
    """
    caught: list[int] = []

    async def guarded() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def stop(signum: int) -> None:
            caught.append(signum)
            loop.remove_signal_handler(signum)  # the next one has its usual effect, at once
            task.cancel()

        for signum in (signal.SIGINT, signal.SIGTERM) if _in_main_thread() else ():
            if signal.getsignal(signum) is not signal.SIG_IGN:  # a shell's background jobs ignore SIGINT
                loop.add_signal_handler(signum, stop, signum)
        return await work()

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        if not caught:
            raise
        raise StoppedBySignal(caught[0]) from None


@asynccontextmanager
async def watching_over(mesh: Mesh) -> AsyncIterator[None]:
    """End the work inside with the mesh's own error when the mesh cannot go on. Errors: `CollatioError`."""
    task, failure = asyncio.current_task(), None
    assert task is not None

    async def watch() -> CollatioError:
        nonlocal failure
        failure = await mesh.wait_failed()
        task.cancel()
        return failure

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if failure is None:
            raise
        task.uncancel()
        raise failure from None
    finally:
        watcher.cancel()
        await asyncio.wait({watcher})


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
