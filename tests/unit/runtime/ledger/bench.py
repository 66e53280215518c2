"""A ledger on a bench: its clock, and the usual calls with the usual arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import redis

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.ledger import Ledger
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.ledger.records import State, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.runtime.ledger.commands import Command
    from collatio.runtime.ledger.records import (
        Claim,
        Settlement,
        Status,
        StepState,
        Submitted,
        Taken,
        Verdict,
    )

T = TypeVar("T")
LIMITS = Limits.for_leases(4, 4)
ENGINE = "e@1"
DIGEST = "d" * 64


class Clock:
    """A clock the test turns."""

    def __init__(self) -> None:
        self.ms = 1_000_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.ms


class Bench:
    """A ledger, its clock, and the usual calls with the usual arguments."""

    def __init__(self, url: str, name: str, limits: Limits = LIMITS) -> None:
        self.clock = Clock()
        self.client: Any = redis.Redis.from_url(url)
        self.ledger = Ledger(self.client, name, limits, self.clock)

    def run(self, command: Command[T]) -> T:
        """Run any command."""
        return self.ledger.run(command)

    def worker(self, name: str = "w1", slots: int = 2, engines: Sequence[str] = (ENGINE,)) -> None:
        """Announce a worker."""
        self.run(c.beat(name, slots, engines, "{}"))

    def submit(
        self,
        *keys: str,
        call: str = "c1",
        tenant: str = "t",
        job: str = "j",
        engine: str = ENGINE,
        cost: int = 5,
        take: int = 0,
        registered: bool = False,
        **more: Any,
    ) -> Submitted:
        """Submit steps that differ by key alone."""
        steps = [Step(key, more.get("spec", "{}"), cost, engine, **_without(more, "spec")) for key in keys]
        return self.run(c.submit(call, tenant, job, steps, take, registered=registered))

    def take(self, messages_max: int = 64) -> Taken:
        """Take messages."""
        return self.run(c.take(messages_max))

    def taken_keys(self) -> list[str]:
        """Take all there is; the keys, in order."""
        return [key for message in self.take().messages for key in message.steps]

    def claim(
        self, *keys: str, message: str = "m", engines: Sequence[str] = (ENGINE,), worker: str = "w1"
    ) -> tuple[Claim, ...]:
        """Claim steps."""
        return self.run(c.claim(worker, engines, message, keys))

    def verdict_of_claim(self, key: str, **more: Any) -> Verdict:
        """Claim one step; its verdict alone."""
        return self.claim(key, **more)[0].verdict

    def hold(self, *keys: str, **more: Any) -> list[int]:
        """Submit, take and claim steps; their tokens."""
        self.worker()
        self.submit(*keys, take=64, **more)
        return [claim.token for claim in self.claim(*keys)]

    def settle(self, *results: Settlement, **more: Any) -> tuple[Verdict, ...]:
        """Settle results."""
        return self.run(c.settle(results, **more))

    def finish(self, *keys: str, digest: str = DIGEST, **more: Any) -> None:
        """Take steps through their whole life."""
        tokens = self.hold(*keys, **more)
        self.settle(*(c.done(key, token, digest, "") for key, token in zip(keys, tokens, strict=True)))

    def expire(self) -> Taken:
        """Do what is due."""
        return self.run(c.expire())

    def read(self, key: str) -> StepState:
        """Read a step."""
        return self.run(c.read([key]))[0]

    def state(self, key: str) -> State:
        """Read a step's state."""
        return self.read(key).state

    def status(self) -> Status:
        """Read the stage."""
        return self.run(c.status())

    def later(self, ms: int) -> None:
        """Let time pass; workers and calls do not notice."""
        self.clock.ms += ms

    def later_alive(self, ms: int, calls: Sequence[str] = ("c1",)) -> None:
        """Let time pass while the worker beats and the calls are touched."""
        half = min(LIMITS.worker_ttl_ms, LIMITS.call_lease_ms) // 2
        while ms > 0:
            self.later(min(ms, half))
            ms -= half
            self.worker()
            self.run(c.touch(calls))

    def field(self, key: str, name: str) -> str | None:
        """Read a field of a step's hash as it lies in Valkey."""
        value = self.client.hget(f"{self.ledger.name}:step:{key}", name)
        return value.decode() if isinstance(value, bytes) else None

    def events(self) -> list[str]:
        """Read what was told on the stream, an entry each: the keys that ended, or "" for a mere kick."""
        return [fields[b"k"].decode() for _, fields in self.client.xrange(self.ledger.event_stream)]

    def keys_left(self) -> set[str]:
        """List the ledger's keys, without its name; what lanes have sent lately goes by itself."""
        prefix = len(self.ledger.name) + 1
        pattern = self.ledger.name.replace("[", "\\[") + ":*"
        names = {key.decode()[prefix:] for key in self.client.scan_iter(pattern, count=1000)}
        sent = {name for name in names if name.startswith("sent:")}
        assert all(self.client.pttl(f"{self.ledger.name}:{name}") > 0 for name in sent)
        return names - sent


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
