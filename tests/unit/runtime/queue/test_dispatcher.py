"""The dispatcher after trouble: whatever failed half-way, everything awaited is asked for again."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import redis.asyncio

from collatio.runtime.ledger import commands
from collatio.runtime.ledger.ledger import AsyncLedger
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.ledger.records import Step
from collatio.runtime.queue.dispatcher import BATCH, Dispatcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from collatio.runtime.ledger.commands import Command
    from collatio.runtime.ledger.records import Message
    from collatio.runtime.queue.call import Call

T = TypeVar("T")
L = TypeVar("L", bound=AsyncLedger)

LIMITS = replace(Limits.for_leases(0.4, 60), worker_ttl_ms=60_000)
PATIENT = replace(Limits.for_leases(600, 600), worker_ttl_ms=60_000)
COUNT = 3 * BATCH
ENGINE = "e@1"
TOUCHES_MAX = 50


class Counting(AsyncLedger):
    """A ledger that counts how often calls are renewed."""

    touches = 0

    async def run(self, command: Command[T]) -> T:
        """Count, and run a command."""
        self.touches += command.script == "touch"
        return await super().run(command)


class Post:
    """A sender that takes nothing for a while."""

    def __init__(self) -> None:
        self.refusals = 0

    async def send(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Refuse so many times; then swallow."""
        if self.refusals:
            self.refusals -= 1
            return messages
        return ()

    async def close(self) -> None:
        """Do nothing."""


@asynccontextmanager
async def bench(
    valkey_url: str, stage_name: str, kind: type[L] = AsyncLedger, limits: Limits = LIMITS
) -> AsyncIterator[tuple[L, Dispatcher, Any]]:
    """Run a dispatcher over a ledger of its own."""
    post: Any = Post()
    client = redis.asyncio.Redis.from_url(valkey_url)
    ledger = kind(client, stage_name, limits)
    dispatcher = Dispatcher(ledger, post)
    dispatcher.start()
    try:
        yield ledger, dispatcher, post
    finally:
        await dispatcher.close()
        await client.aclose()


async def all_wanted(ledger: AsyncLedger, count: int) -> None:
    """Wait until so many steps stand in the ledger."""
    until = time.monotonic() + 20  # redis-py may forget the cancellation that asyncio.timeout gives once
    while time.monotonic() < until:
        status = await ledger.run(commands.status())
        if status.queued + status.sent == count:
            return
        await asyncio.sleep(0.02)  # the store tells nobody
    raise AssertionError(f"{count} steps were to stand in the ledger: {status}")


def steps(first: int, count: int) -> list[Step]:
    """Make steps that differ by their numbers."""
    return [Step(f"k{number}", "{}", 1, ENGINE) for number in range(first, first + count)]


async def end(ledger: AsyncLedger, key: str, digest: str) -> None:
    """Do a step, as a worker does."""
    await ledger.run(commands.beat("w", 1, [ENGINE], "{}"))
    await ledger.run(commands.take(9))
    (claim,) = await ledger.run(commands.claim("w", [ENGINE], "m", [key]))
    await ledger.run(commands.settle([commands.done(key, claim.token, digest, "")], "", 0))
    await ledger.run(commands.retire("w", [ENGINE]))


async def following(ledger: AsyncLedger, call: Call) -> None:
    """Wait until the dispatcher follows events: its first look at everything is over."""
    await call.submit([Step("first", "{}", 1, ENGINE)])
    await end(ledger, "first", "a" * 64)
    async with asyncio.timeout(20):
        while not await call.outcomes():
            pass


class Deaf(AsyncLedger):
    """A ledger that asks each SUBMIT twice and hears the second answer, as a client whose first one timed out does."""

    async def run(self, command: Command[T]) -> T:
        """Run a command, twice where it submits."""
        if command.script == "submit":
            await super().run(command)
        return await super().run(command)


@pytest.mark.parametrize("kind", [AsyncLedger, Deaf])
async def test_a_call_that_submits_after_its_lapse_gets_all_of_it_back(
    valkey_url: str, stage_name: str, kind: type[AsyncLedger]
) -> None:
    """It is refused, also where the first answer was lost, and asks for all of it at once: no timer is near."""
    async with bench(valkey_url, stage_name, kind, PATIENT) as (ledger, dispatcher, _):
        call = dispatcher.call("t", "j")
        await following(ledger, call)
        await call.submit(steps(0, 10))
        await ledger.run(commands.drop(call.call_id))
        await call.submit(steps(10, 1))
        await all_wanted(ledger, 11)


async def test_a_step_that_went_unseen_is_asked_for_again(valkey_url: str, stage_name: str) -> None:
    """Nothing is told of a step that is gone from the ledger; it is looked for all the same."""
    async with bench(valkey_url, stage_name) as (ledger, dispatcher, _):
        call = dispatcher.call("t", "j")
        await following(ledger, call)
        await call.submit(steps(0, 3))
        await ledger.run(commands.drop(call.call_id, ["k1"]))
        await all_wanted(ledger, 3)


class Slow(AsyncLedger):
    """A ledger that holds SUBMIT back, once it is told to, until a READ of its step has answered."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.hold, self.read = asyncio.Event(), asyncio.Event()

    async def run(self, command: Command[T]) -> T:
        """Run a command when its time has come."""
        if command.script == "submit" and self.hold.is_set():
            await self.read.wait()
        answer = await super().run(command)
        if command.script == "read" and "k0" in command.args["steps"]:
            self.read.set()
        return answer


async def test_what_stood_before_a_submit_is_not_its_answer(valkey_url: str, stage_name: str) -> None:
    """An outcome that is asked for anew is read while SUBMIT is on its way: the new one is awaited all the same."""
    async with bench(valkey_url, stage_name, Slow) as (ledger, dispatcher, _):
        call = dispatcher.call("t", "j")
        await following(ledger, call)
        await call.submit(steps(0, 1))
        await end(ledger, "k0", "b" * 64)
        async with asyncio.timeout(20):
            while not (found := await call.outcomes()):
                pass
        assert [state.digest for state in found] == ["b" * 64]
        ledger.read.clear()
        ledger.hold.set()
        async with asyncio.timeout(20):
            await call.submit([replace(steps(0, 1)[0], lost="b" * 64)])
        await end(ledger, "k0", "c" * 64)
        async with asyncio.timeout(20):
            while not (found := await call.outcomes()):
                pass
        assert [state.digest for state in found] == ["c" * 64]


async def test_calls_of_nothing_cost_nothing(valkey_url: str, stage_name: str) -> None:
    """A call without steps is unknown to the ledger: that is no lapse, and it is not asked about over and over."""
    async with bench(valkey_url, stage_name, Counting) as (ledger, dispatcher, _):
        empty, busy = dispatcher.call("t", "j"), dispatcher.call("t", "j")
        await empty.submit(())
        await busy.submit(steps(0, 1))
        await ledger.run(commands.drop(busy.call_id))
        await all_wanted(ledger, 1)
        assert ledger.touches < TOUCHES_MAX


async def test_a_call_that_lapsed_is_submitted_again_whole(valkey_url: str, stage_name: str) -> None:
    """Its first steps are back, a publish fails, and the rest are submitted all the same: nobody waits for ever."""
    async with bench(valkey_url, stage_name, limits=PATIENT) as (ledger, dispatcher, post):
        call = dispatcher.call("t", "j")
        await following(ledger, call)
        await call.submit(steps(0, COUNT))
        post.refusals = 1
        await ledger.run(commands.drop(call.call_id))
        await ledger.run(commands.beat("w", 1, [ENGINE], "{}"))
        await call.submit(steps(COUNT, 1))
        await all_wanted(ledger, COUNT + 1)
