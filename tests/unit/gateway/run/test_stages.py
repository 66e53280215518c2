"""A stage that is asked how it is."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest

from gateway.run.stages import ask


async def test_a_call_that_hangs_ends_as_one_whose_deadline_has_passed() -> None:
    """GRPC may let it hang; who asked does not."""

    async def hangs(request: str, *, timeout: float) -> None:  # noqa: ASYNC109 - as a stub's method has it
        assert (request, timeout) == ("how are you", 0.01)
        await asyncio.Event().wait()

    async with asyncio.timeout(10):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(hangs, "how are you", timeout_s=0.01)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
