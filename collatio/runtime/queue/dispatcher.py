"""The server's side of a queue: submit, ring the bell, wake who waits.

Rules, so that no wake-up is lost:
- A waiter is registered before SUBMIT, and SUBMIT answers the present state.
- One blocking reader follows the event stream. An event is a hint: the states of awaited steps are read anew.
- Whatever may have hidden an event (a reconnect, a lapse of interest) reads or submits everything awaited again.
- Any server may take and publish for any job; there is no leader. Timers guard against lost hints, and once a call's
  lease everything awaited is read again: whatever hid its end from us hides it no longer than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from collatio.runtime.ending import end
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach
from collatio.runtime.ledger import commands
from collatio.runtime.ledger.ledger import STORE_ERRORS
from collatio.runtime.ledger.records import State
from collatio.runtime.queue.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from collatio.runtime.ledger.ledger import AsyncLedger
    from collatio.runtime.ledger.records import Message, Step, StepState, Taken
    from collatio.runtime.queue.send import Sender

T = TypeVar("T")
logger = logging.getLogger(__name__)
BATCH = 128
MESSAGES_MAX = 16
BLOCK_MS = 2000
BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class Dispatcher:
    """One a stage server. `start` it before use and `close` it after."""

    def __init__(self, ledger: AsyncLedger, sender: Sender) -> None:
        self._ledger = ledger
        self._sender = sender
        self._calls: dict[str, Call] = {}
        self._waiting: dict[str, set[Call]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._lapsed: set[str] = set()
        self._lapse_noted = asyncio.Event()
        self._due_in_s: float | None = None
        self._timer_wake = asyncio.Event()
        self._take_wanted = asyncio.Event()

    def start(self) -> None:
        """Begin to follow events and timers."""
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self._follow,
            self._watch_timers,
            self._keep_interest,
            self._take,
            self._look_again,
        ]
        for body in loops:
            self._tasks.append(asyncio.create_task(self._forever(body), name=f"dispatcher.{body.__name__}"))

    async def close(self) -> None:
        """Stop; interest of open calls lapses by itself."""
        await end(*self._tasks)
        await self._sender.close()

    def call(self, tenant: str, job: str) -> Call:
        """Open a call for a tenant's job. End it with `finish`."""
        made = Call(uuid.uuid4().hex[:16], tenant, job, self)
        self._calls[made.call_id] = made
        return made

    async def finish(self, call: Call, *, drop: bool) -> None:
        """Close a call.

        Without `drop`, what it left undone lapses after the call's lease, so that another server's stream can
        take over first; so it does with `drop` while the store is away.
        """
        for key in call.awaited:
            self._forget(key, call)
        call.awaited.clear()
        call.generations.clear()
        self._calls.pop(call.call_id, None)
        if drop:
            reach("dispatcher.drop.before")
            try:
                await self._ledger.run(commands.drop(call.call_id))
            except CollatioError:
                logger.warning("a call's interest was not dropped; it will lapse")

    async def submit(self, call: Call, steps: Sequence[Step]) -> None:
        """Submit steps in a call's name. Errors: STATE_STORE_UNAVAILABLE, STATE_STORE_FULL."""
        fresh = [step for step in steps if step.key not in call.awaited]
        for step in fresh:
            call.awaited[step.key] = step
            self._waiting.setdefault(step.key, set()).add(call)
        for batch in _batches(fresh):
            reach("dispatcher.submit.before")
            await self._submit(call, batch)

    async def _submit(self, call: Call, batch: Sequence[Step]) -> None:
        """Submit a batch. A call that turns out to have lapsed is put down to be submitted whole."""
        registered, call.registered = call.registered, True
        command = commands.submit(
            call.call_id, call.tenant, call.job, batch, MESSAGES_MAX, registered=registered
        )
        answer = await self._ledger.run(command)
        if answer.lapsed:
            self._note_lapsed([call.call_id])
            self._lapse_noted.set()
        for state in answer.steps:
            if state.key in call.awaited:
                call.generations[state.key] = state.generation
        self._settle(answer.steps)
        await self._publish(answer.taken)

    def _settle(self, states: Iterable[StepState]) -> None:
        for state in states:
            if state.state.terminal:
                for call in tuple(self._waiting.get(state.key, ())):
                    if call.deliver(state):
                        self._forget(state.key, call)

    def _forget(self, key: str, call: Call) -> None:
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.discard(call)
            if not waiting:
                del self._waiting[key]

    async def _publish(self, taken: Taken) -> None:
        if taken.next_due_ms is not None:
            due = taken.next_due_ms / 1000
            if self._due_in_s is None or due < self._due_in_s:
                self._due_in_s = due
                self._timer_wake.set()
        for job in dict.fromkeys((m.tenant, m.job) for m in taken.messages):
            await self._send([m for m in taken.messages if (m.tenant, m.job) == job])
        if len(taken.messages) >= MESSAGES_MAX:
            self._take_wanted.set()

    async def _send(self, messages: Sequence[Message]) -> None:
        """Publish, or put the steps back. If that fails too, the dispatch lease brings them back."""
        unsent = await self._sender.send(messages)
        for message in unsent:
            reach("dispatcher.unsend.before")
            await self._ledger.run(commands.unsend(message))
        if unsent:
            raise CollatioError(Reason.STATE_STORE_UNAVAILABLE)

    async def _forever(self, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a loop for ever, through outages of the store."""
        failures = 0
        while True:
            try:
                await body()
                failures = 0
            except (CollatioError, *STORE_ERRORS):
                if failures == 0:
                    logger.warning("the state store is away", extra={"fields": {"loop": body.__name__}})
            except Exception:
                logger.exception(
                    "a loop met something unexpected; it goes on", extra={"fields": {"loop": body.__name__}}
                )
            else:
                continue
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1

    async def _follow(self) -> None:
        """Follow events; everything awaited is read again first, for what was missed before."""
        client: Any = self._ledger.client  # its answers are typed for two protocols at once
        stream = self._ledger.event_stream
        newest = await client.xrevrange(stream, count=1)
        position = newest[0][0] if newest else b"0-0"
        await self._read_again(list(self._waiting))
        self._take_wanted.set()
        run_id = await self._run_id()
        while True:
            answer = await client.xread({stream: position}, count=200, block=BLOCK_MS)
            if not answer:
                if await self._run_id() != run_id:
                    return
                continue
            entries = _entries(answer)
            reach("dispatcher.event.read")
            position = entries[-1][0]
            ended = itertools.chain.from_iterable(fields[b"k"].decode().split() for _, fields in entries)
            await self._read_again([key for key in ended if key in self._waiting])
            self._take_wanted.set()

    async def _run_id(self) -> str:
        return str((await self._ledger.client.info("server"))["run_id"])

    async def _read_again(self, keys: Sequence[str]) -> int:
        """Read steps' states and act on them; returns how many are gone from the ledger."""
        gone = 0
        for batch in _batches(keys):
            states = await self._ledger.run(commands.read(batch))
            self._settle(states)
            gone += await self._submit_again({s.key for s in states if s.state is State.MISSING})
        return gone

    async def _submit_again(self, keys: set[str]) -> int:
        """Submit steps the store does not know any more: it lost them, or our interest lapsed; returns how many."""
        count = 0
        for call in list(self._calls.values()):
            lost = [call.awaited[key] for key in keys & call.generations.keys()]
            count += len(lost)
            for batch in _batches(lost):
                await self._submit(call, batch)
        return count

    async def _look_again(self) -> None:
        """Read everything awaited once a lease, whether anything was told of it or not."""
        await asyncio.sleep(self._ledger.limits.call_lease_ms / 1000)
        if gone := await self._read_again(list(self._waiting)):
            logger.info("steps were gone that are waited for", extra={"fields": {"steps": gone}})

    async def _take(self) -> None:
        """Take whenever an event says that there may be room or work."""
        await self._take_wanted.wait()
        self._take_wanted.clear()
        await self._publish(await self._ledger.run(commands.take(MESSAGES_MAX)))

    async def _watch_timers(self) -> None:
        """Do what is due, when it is due, and at least twice a lease."""
        longest = self._ledger.limits.lease_ms / 2000
        wait = longest if self._due_in_s is None else min(longest, self._due_in_s + 0.01)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._timer_wake.wait(), wait)
            self._timer_wake.clear()
            return
        self._due_in_s = None
        reach("dispatcher.expire.before")
        taken = await self._ledger.run(commands.expire(messages_max=MESSAGES_MAX))
        await self._publish(taken)

    def _note_lapsed(self, calls: Iterable[str]) -> None:
        """Put calls down to be submitted whole: their next SUBMIT makes them known anew."""
        for call_id in calls:
            if (call := self._calls.get(call_id)) is not None:
                call.registered = False
                self._lapsed.add(call_id)

    async def _keep_interest(self) -> None:
        """Touch every open call well within its lease; one that lapsed submits again, at once where a SUBMIT told it."""
        if not self._lapsed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lapse_noted.wait(), self._ledger.limits.call_lease_ms / 4000)
        self._lapse_noted.clear()
        if registered := [call_id for call_id, call in self._calls.items() if call.registered]:
            reach("dispatcher.touch.before")
            lapsed = await self._ledger.run(commands.touch(registered))
            self._note_lapsed(lapsed)
        while self._lapsed:
            call_id = self._lapsed.pop()
            try:
                if (call := self._calls.get(call_id)) is not None:
                    for batch in _batches(list(call.awaited.values())):
                        await self._submit(call, batch)
            except (CollatioError, *STORE_ERRORS):
                self._lapsed.add(call_id)  # half-way it is known, and no renewal would tell of the other half
                raise


def _entries(answer: Any) -> list[Any]:
    """Read what XREAD answers for one stream, in either protocol: a list of pairs, or a mapping."""
    if isinstance(answer, dict):
        found = next(iter(answer.values()))
        return list(found[0] if found and isinstance(found[0], list) else found)
    return list(answer[0][1])


def _batches(items: Sequence[T]) -> Iterable[list[T]]:
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])
