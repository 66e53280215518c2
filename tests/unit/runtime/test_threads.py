"""Blocking work in threads: its result, its error, and a cancellation that waits for it."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from collatio.runtime.threads import to_end

TURNS = 10
NAME = contextvars.ContextVar("NAME", default="")


async def test_it_returns_what_the_work_returns_and_raises_what_it_raises() -> None:
    """Arguments and the caller's context come along."""
    NAME.set("mine")
    assert await to_end(lambda left, right: (left, right, NAME.get()), 1, 2) == (1, 2, "mine")
    with pytest.raises(ZeroDivisionError):
        await to_end(divmod, 1, 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancellation_waits_for_the_work(fails: bool) -> None:
    """However often it is cancelled, nothing it uses is let go of before its thread has ended."""
    begun, go_on, order = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        assert go_on.wait(10)
        order.append("worked")
        if fails:
            raise OSError

    async def caller() -> None:
        try:
            await to_end(work)
        finally:
            order.append("left")

    task = asyncio.create_task(caller())
    assert await asyncio.to_thread(begun.wait, 10)
    for _ in range(TURNS):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert order == ["worked", "left"]
