"""When a call is tried again, for how long, and how long it waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from collatio.client.trying import Backoff, Link, Trying
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.status import to_status

UNAVAILABLE, INTERNAL = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL


class World:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self.now += seconds

    def link(self, **options: Any) -> Link:
        """Make a link in this world, whose jitter is at its largest."""
        return Link("mesh:1", sleep=self.sleep, monotonic=lambda: self.now, jitter=lambda: 1.0, **options)


def cut(code: grpc.StatusCode = UNAVAILABLE, details: str = "x: Connection refused") -> grpc.aio.AioRpcError:
    """Make what a broken connection raises."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details, "")


def said(error: CollatioError) -> grpc.aio.AioRpcError:
    """Make what a gateway's own refusal raises."""
    status = to_status(error)
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    code = next(each for each in grpc.StatusCode if each.value[0] == status.code)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, status.message, "")


class Attempts:
    """Fail with each of the errors in turn, then answer."""

    def __init__(self, errors: Sequence[grpc.aio.AioRpcError]) -> None:
        self.errors = list(errors)
        self.made = 0

    async def __call__(self) -> str:
        """Make an attempt."""
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_backoff_doubles_to_its_cap() -> None:
    """Waits grow, and stop growing; jitter takes up to half of them."""
    backoff = Backoff(base_s=0.2, cap_s=1.0)
    assert [backoff.delay_s(tries, 1.0) for tries in (1, 2, 3, 4, 500)] == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert backoff.delay_s(1, 0.0) == 0.1


async def test_known_gateway_is_waited_for() -> None:
    """After one answer, UNAVAILABLE is tried again until it answers."""
    world = World()
    attempts = Attempts([cut()] * 3)
    assert await world.link(reached=True).again(attempts) == "answer"
    assert world.slept == [0.2, 0.4, 0.8]


async def test_unknown_gateway_is_not_waited_for() -> None:
    """Before any answer, the first UNAVAILABLE is the last."""
    world = World()
    with pytest.raises(CollatioError, match="mesh:1 does not answer \\(Connection refused\\)") as caught:
        await world.link().again(Attempts([cut()]))
    assert caught.value.reason is Reason.STAGE_UNAVAILABLE
    assert world.slept == []


async def test_patience_is_counted_from_the_first_break() -> None:
    """The gateway is given up after the time agreed, not after a number of tries."""
    world = World()
    attempts = Attempts([cut()] * 1000)
    with pytest.raises(CollatioError, match="no longer answers"):
        await world.link(reached=True, patience_s=30.0).again(attempts)
    assert 30.0 <= world.now < 36.0


async def test_answer_renews_patience() -> None:
    """A long stream with many breaks is as welcome as one with one."""
    world = World()
    trying = Trying(world.link(reached=True, patience_s=1.0))
    for _ in range(50):
        await trying.failed(cut())
        trying.answered()
    assert world.slept == [0.2] * 50


async def test_server_s_delay_is_kept() -> None:
    """A RetryInfo longer than the backoff is waited out."""
    world = World()
    error = said(CollatioError(Reason.STATE_STORE_UNAVAILABLE, retry_after_s=3.0))
    await world.link(reached=True).again(Attempts([error]))
    assert world.slept == [3.0]


@pytest.mark.parametrize("reason", [Reason.JOB_NOT_FOUND, Reason.BACKLOG_FULL, Reason.INTERNAL])
async def test_refusal_is_an_answer(reason: Reason) -> None:
    """What the gateway itself says is final, and keeps its reason."""
    world = World()
    attempts = Attempts([said(CollatioError(reason))])
    with pytest.raises(CollatioError) as caught:
        await world.link(reached=True).again(attempts)
    assert (caught.value.reason, attempts.made) == (reason, 1)


@pytest.mark.parametrize("code", [INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED])
async def test_cut_call_is_tried_five_times(code: grpc.StatusCode) -> None:
    """What only the transport can have said is tried again, but not for ever."""
    world = World()
    assert await world.link().again(Attempts([cut(code)] * 4)) == "answer"
    attempts = Attempts([cut(code)] * 9)
    with pytest.raises(CollatioError):
        await world.link().again(attempts)
    assert attempts.made == 5


async def test_silence_and_early_ends_are_told_as_such() -> None:
    """Each way of losing a gateway has a sentence of its own."""
    link = World().link()
    assert "fell silent" in link.error(TimeoutError()).message
    assert "too early" in link.error(EOFError()).message
