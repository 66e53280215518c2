"""A stage's stream whose deadline runs out drops the work that it alone wanted, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from collatio.v1 import common_pb2 as common
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import extract_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.served_mesh import ServedMesh

SOON_S = 5.0  # interest that merely lapses takes two leases, a minute here


def requests(*texts: bytes) -> Iterator[extract.ExtractRequest]:
    """Ask for documents that no worker will extract."""
    items = [extract.ExtractItem(item_id=str(n), inline=text) for n, text in enumerate(texts)]
    yield extract.ExtractRequest(items=items)


async def depth(stage: Any) -> int:
    """Read how many steps wait."""
    status = await stage.GetStatus(common.GetStatusRequest())
    return int(status.queue_depth) + int(status.in_flight)


async def until_depth(stage: Any, wanted: int) -> None:
    """Wait until so many steps wait."""
    async with asyncio.timeout(SOON_S):
        while await depth(stage) != wanted:
            await asyncio.sleep(0.02)  # a status is asked for, it is never told


async def test_a_deadline_that_runs_out_drops_what_it_alone_held(served: ServedMesh) -> None:
    """The step that another stream wants too stays."""
    stage: Any = extract_pb2_grpc.ExtractServiceStub(served.channel("extract"))
    other = stage.Extract(requests(b"shared"), timeout=60.0)
    await until_depth(stage, 1)
    hurried = stage.Extract(requests(b"shared", b"its own"), timeout=1.0)
    await until_depth(stage, 2)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(hurried))
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until_depth(stage, 1)
    other.cancel()


async def test_a_stream_that_merely_breaks_keeps_its_interest(served: ServedMesh) -> None:
    """Another server's stream can take over: a caller that went may come back."""
    stage: Any = extract_pb2_grpc.ExtractServiceStub(served.channel("extract"))
    call = stage.Extract(requests(b"its own"), timeout=60.0)
    await until_depth(stage, 1)
    call.cancel()
    for _ in range(10):
        await asyncio.sleep(0.02)
        assert await depth(stage) == 1
