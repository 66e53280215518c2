"""Signals and a failing mesh end the work tidily."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from collatio.cli.exit_status import StoppedBySignal
from collatio.cli.running import run_async, watching_over
from collatio.runtime.errors import CollatioError, Reason


class Mesh:
    """A mesh that fails when told."""

    gateway_target = "x:1"

    def __init__(self) -> None:
        self.broken = asyncio.Event()

    async def wait_failed(self) -> CollatioError:
        """Wait for the word."""
        await self.broken.wait()
        return CollatioError(Reason.STAGE_UNAVAILABLE, "gone")


def test_result_is_returned() -> None:
    """Work that ends by itself is not disturbed, and handlers are put back."""
    before = signal.getsignal(signal.SIGTERM)

    async def work() -> int:
        return 7

    assert run_async(work) == 7
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_cancels_and_lets_tidy_up(signum: signal.Signals, status: int) -> None:
    """The work is cancelled, tidies up, and the command exits as the signal says."""
    tidied: list[bool] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signum)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            tidied.append(True)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(StoppedBySignal) as caught:
            run_async(work)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (caught.value.status, tidied) == (status, [True])


def test_second_signal_insists() -> None:
    """Somebody who presses Ctrl-C twice does not wait for the tidying."""

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(10)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_async(work)
    finally:
        signal.signal(signal.SIGINT, before)


async def test_failed_mesh_ends_the_work_with_its_reason() -> None:
    """The mesh's own error is what the work ends with."""
    mesh = Mesh()

    async def work() -> None:
        async with watching_over(mesh):
            mesh.broken.set()
            await asyncio.Event().wait()

    with pytest.raises(CollatioError, match="gone"):
        await work()


async def test_cancelled_work_stays_cancelled() -> None:
    """A cancellation from outside is not mistaken for the mesh's."""
    begun = asyncio.Event()

    async def work() -> None:
        async with watching_over(Mesh()):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
