"""A call: somebody's interest in steps, and the outcomes as they come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.runtime.ledger.records import Step, StepState


class Desk(Protocol):
    """What a call needs of its dispatcher."""

    async def submit(self, call: Call, steps: Sequence[Step]) -> None:
        """Submit steps in the call's name."""


class Call:
    """One stream's interest in steps of one job.

    `submit` as often as needed; `outcomes` waits for at least one terminal step and returns all there are.
    A step submitted twice by one call is awaited once. `registered`: a SUBMIT of the call has been sent since it was
    made, or since it lapsed. `generations`: which life of a step each answered SUBMIT was about.
    """

    def __init__(self, call_id: str, tenant: str, job: str, desk: Desk) -> None:
        self.call_id, self.tenant, self.job = call_id, tenant, job
        self.awaited: dict[str, Step] = {}
        self.generations: dict[str, int] = {}
        self.registered = False
        self._desk = desk
        self._ended: list[StepState] = []
        self._wake = asyncio.Event()

    @property
    def pending(self) -> int:
        """Steps submitted whose outcome has not been read."""
        return len(self.awaited) + len(self._ended)

    async def submit(self, steps: Sequence[Step]) -> None:
        """Submit steps. Errors: STATE_STORE_UNAVAILABLE, STATE_STORE_FULL."""
        await self._desk.submit(self, steps)

    def deliver(self, state: StepState) -> bool:
        """Take a terminal state from the dispatcher; tells whether it did.

        Not before SUBMIT has answered, nor of an earlier life of the step: SUBMIT may have given it another.
        """
        generation = self.generations.get(state.key)
        if generation is None or state.generation < generation:
            return False
        del self.awaited[state.key], self.generations[state.key]
        self._ended.append(state)
        self._wake.set()
        return True

    def nudge(self) -> None:
        """Wake whoever waits, to look whether it is done."""
        self._wake.set()

    async def outcomes(self) -> list[StepState]:
        """Wait until something ended or `nudge` was called, and return what ended, in order."""
        await self._wake.wait()
        self._wake.clear()
        ended, self._ended = self._ended, []
        return ended
