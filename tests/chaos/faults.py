"""Faults at random, from a seed: what is struck, how, and for how long; and striking it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from collatio.local.store import NAME as BROKER
from tests.chaos.history import STAGES
from tests.support.processes import tree_of
from tests.support.running_mesh import LEASE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.running_mesh import RunningMesh

SETTLED_S = 60.0
GAP_S = (0.1, 2.0)
FREEZE_S = (0.5 * LEASE_S, 2.5 * LEASE_S)
OUTAGE_S = (1.0, 7.0)

# In percent: at least a tenth strikes the broker, at least a tenth freezes something.
KINDS = {
    "kill worker": 20,
    "kill child": 20,
    "kill server": 14,
    "kill gateway": 12,
    "freeze worker": 5,
    "freeze child": 5,
    "freeze server": 2,
    "freeze gateway": 3,
    "kill broker": 8,
    "freeze broker": 5,
    "broker read-only": 2,
    "broker full": 2,
    "cut connections": 2,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One blow: before it `gap_s` pass, a freeze or an outage lasts `hold_s`; `pick` chooses among children."""

    kind: str
    stage: str
    gap_s: float
    hold_s: float
    pick: int

    def __str__(self) -> str:
        """Say it shortly."""
        staged = self.kind.split()[1] in {"worker", "child", "server"}
        return f"{self.kind} ({self.stage})" if staged else self.kind


def schedule(seed: int, count: int) -> list[Fault]:
    """Draw faults. The same seed gives the same faults; every kind's share is as near to its part as can be."""
    drawn = random.Random(seed)
    kinds = [kind for kind, percent in KINDS.items() for _ in range(percent * count // 100)]
    kinds += drawn.choices(list(KINDS), list(KINDS.values()), k=count - len(kinds))
    drawn.shuffle(kinds)
    return [
        Fault(
            kind=kind,
            stage=drawn.choice(STAGES),
            gap_s=drawn.uniform(*GAP_S),
            hold_s=drawn.uniform(*(OUTAGE_S if "broker" in kind else FREEZE_S)),
            pick=drawn.randrange(1_000),
        )
        for kind in kinds
    ]


def broker_client(mesh: RunningMesh) -> redis.Redis:
    """Make a client of the mesh's Valkey that tries once and waits shortly."""
    return redis.Redis.from_url(mesh.layout.state_url, socket_timeout=2.0, retry=Retry(NoBackoff(), 0))


class Striker:
    """Strikes a mesh."""

    def __init__(self, mesh: RunningMesh) -> None:
        self._mesh = mesh
        self._deeds: dict[str, Callable[[Fault], Any]] = {
            "kill worker": lambda fault: self._kill(f"{fault.stage}-work"),
            "kill child": self._kill_child,
            "kill server": lambda fault: self._kill(f"{fault.stage}-serve"),
            "kill gateway": lambda _: self._kill("gateway"),
            "kill broker": lambda _: self._kill(BROKER),
            "freeze worker": lambda fault: self._freeze(f"{fault.stage}-work", fault.hold_s),
            "freeze child": self._freeze_child,
            "freeze server": lambda fault: self._freeze(f"{fault.stage}-serve", fault.hold_s),
            "freeze gateway": lambda fault: self._freeze("gateway", fault.hold_s),
            "freeze broker": lambda fault: self._freeze(BROKER, fault.hold_s),
            "broker read-only": self._read_only,
            "broker full": self._full,
            "cut connections": self._cut,
        }

    async def strike(self, fault: Fault) -> None:
        """Do it, and return when it is over; what was killed may still be starting again."""
        await self._deeds[fault.kind](fault)

    async def _kill(self, name: str) -> None:
        while True:
            with suppress(ProcessLookupError):  # it ended a moment ago, and we were not yet told
                os.kill(await self._mesh.settled(name), signal.SIGKILL)
                return
            await asyncio.sleep(0.05)

    async def _child(self, fault: Fault) -> int:
        """Choose a pool child. A pool that was killed a moment ago has none yet."""
        async with asyncio.timeout(SETTLED_S):
            while True:
                await self._mesh.settled(f"{fault.stage}-work")
                if children := self._mesh.pool(fault.stage):
                    return children[fault.pick % len(children)]
                await asyncio.sleep(0.05)

    async def _kill_child(self, fault: Fault) -> None:
        with suppress(ProcessLookupError):  # it had its thousandth message, or its pool was killed
            os.kill(await self._child(fault), signal.SIGKILL)

    async def _freeze_child(self, fault: Fault) -> None:
        await _hold([await self._child(fault)], fault.hold_s)

    async def _freeze(self, name: str, hold_s: float) -> None:
        await _hold(tree_of(await self._mesh.settled(name)), hold_s)

    async def _read_only(self, fault: Fault) -> None:
        await self._command("REPLICAOF", "127.0.0.1", "1")
        await asyncio.sleep(fault.hold_s)
        await self._command("REPLICAOF", "NO", "ONE")

    async def _full(self, fault: Fault) -> None:
        await self._command("CONFIG", "SET", "maxmemory", "1mb")
        await asyncio.sleep(fault.hold_s)
        await self._command("CONFIG", "SET", "maxmemory", "0")

    async def _cut(self, _: Fault) -> None:
        await self._command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    async def _command(self, *words: str) -> None:
        await self._mesh.settled(BROKER)
        async with asyncio.timeout(SETTLED_S):
            while True:
                with suppress(redis.ConnectionError, redis.TimeoutError), broker_client(self._mesh) as client:
                    await asyncio.to_thread(client.execute_command, *words)
                    return
                await asyncio.sleep(0.05)


async def _hold(pids: list[int], hold_s: float) -> None:
    """Stop processes, and let them go on later; who is gone by then is gone."""
    for number in _signals(pids, signal.SIGSTOP):
        assert number
    try:
        await asyncio.sleep(hold_s)
    finally:
        for number in _signals(pids, signal.SIGCONT):
            assert number


def _signals(pids: list[int], number: signal.Signals) -> Iterator[int]:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            yield pid
