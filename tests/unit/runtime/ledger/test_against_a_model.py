"""The ledger against a plain model, whatever order things come in.

`pytest --hypothesis-profile=long` searches for longer; the profile is made in this folder's conftest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import Step, Verdict

from . import recount
from .bench import LIMITS, Bench
from .model import Model

if TYPE_CHECKING:
    from collatio.runtime.ledger.records import Message, Settlement, Taken

CAPS = replace(LIMITS, infrastructure_attempts=5, transient_attempts=3)
# A step's engine and cost follow from its key, as they do in truth. One is larger than the whole window.
WORK = {
    "a": ("e@1", 5),
    "b": ("e@1", 60),
    "d": ("e@1", 5),
    "f": ("f@2", 40),
    "g": ("f@2", 9_000),
    "h": ("", 1_500),
    "i": ("e@1", 1_200),
}
# A call belongs to one job, a job to one tenant.
CALLS = {"c1": ("t", "j1"), "c2": ("t", "j2"), "c3": ("u", "j3")}
WORKERS = ("w1", "w2")
ENGINES = ("e@1", "f@2")
TIMES = (
    1,
    100,
    1_000,
    LIMITS.lease_ms // 3,
    LIMITS.lease_ms,
    LIMITS.call_lease_ms,
    LIMITS.failure_ttl_ms + 1,
)

keys = st.lists(st.sampled_from(sorted(WORK)), min_size=1, max_size=4, unique=True)
calls = st.sampled_from(sorted(CALLS))
engines = st.sets(st.sampled_from(ENGINES)).map(sorted)
kinds = st.sampled_from(["done", "done", "provisional", "permanent", "transient", "crash", "release"])
index = st.integers(0, 10_000)


class LedgerMachine(RuleBasedStateMachine):
    """One ledger, its model, the messages in flight and the tokens ever granted."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.bench = Bench(url, "model", CAPS)
        self.bench.client.flushdb()
        self.model = Model(CAPS, self.bench.clock)
        self.messages: list[Message] = []
        self.granted: list[tuple[str, int]] = []
        self.committed: list[tuple[str, int]] = []
        self.told: Counter[str] = Counter()
        self.last_event = "-"

    def teardown(self) -> None:
        """Let everything lapse: nothing may stay but outcomes."""
        for call in sorted(CALLS):
            self.bench.run(c.drop(call))
            self.model.drop(call)
        self.bench.later(CAPS.failure_ttl_ms)
        self._take(self.bench.expire(), 16, self.model.expire)
        self.check()
        store = recount.read(self.bench)
        outcomes = {f"step:{key}" for key in self.model.steps}
        announcements = {f"engine:{engine}" for engine in ENGINES}
        sent = {name for name in store.names if name.startswith("sent:")}
        assert store.names - recount.STANDING - announcements - sent - {"quarantine"} == outcomes
        assert all(step.state.terminal for step in self.model.steps.values())
        self.bench.client.flushdb()
        self.bench.client.close()

    @initialize()
    def open_the_stage(self) -> None:
        """Begin with a worker and work."""
        self.beat("w1", 2, list(ENGINES))
        self.submit("c1", ["a", "b"], take=4, reopen=None, lost=None, submitted_before=False)

    def _take(self, taken: Taken, messages_max: int, before: Any = None) -> None:
        if before:
            assert taken.due == before()
        self.model.taken(
            taken.messages,
            messages_max,
            lambda key: bool(self.bench.client.exists(f"{self.bench.ledger.name}:step:{key}")),
        )
        due = self.model.next_due()
        if taken.next_due_ms != due:
            assert self.model.gathers()
            assert due is not None
            assert 0 < (taken.next_due_ms or 0) <= min(due, LIMITS.target_ms)
        self.messages += taken.messages

    @rule(
        call=calls,
        names=keys,
        take=st.integers(0, 4),
        reopen=st.sampled_from([None, None, -1, 0, 1]),
        lost=st.sampled_from([None, None, "own", "other", "redo"]),
        submitted_before=st.booleans(),
    )
    def submit(
        self,
        call: str,
        names: list[str],
        *,
        take: int,
        reopen: int | None,
        lost: str | None,
        submitted_before: bool,
    ) -> None:
        """Ask for steps in a call, perhaps retrying failures, doing all again, or missing an outcome's blob."""
        steps = []
        for key in names:
            engine, cost = WORK[key]
            known = self.model.steps.get(key)
            digest = {"own": known.digest if known else "", "other": "0" * 64}.get(lost or "")
            before = None if reopen is None else self.bench.clock.ms + reopen
            redo = before if lost == "redo" else None
            steps.append(Step(key, "{}", cost, engine, "", before, digest or None, redo))
        tenant, job = CALLS[call]
        submitted = self.bench.run(c.submit(call, tenant, job, steps, take, registered=submitted_before))
        expected = self.model.submit(call, tenant, job, steps, registered=submitted_before)
        assert submitted.lapsed == (expected is None)
        if expected is None:
            assert (submitted.steps, submitted.taken.messages) == ((), ())
            return
        assert [(s.state, s.known, s.joined, s.generation) for s in submitted.steps] == expected
        self._take(submitted.taken, take)

    @rule(messages_max=st.integers(1, 6))
    def take(self, messages_max: int) -> None:
        """Take, as a server does."""
        self._take(self.bench.take(messages_max), messages_max)

    @precondition(lambda self: self.messages)
    @rule(at=index)
    def unsend(self, at: int) -> None:
        """Report that a publish failed, truly or not."""
        message = self.messages[at % len(self.messages)]
        self.bench.run(c.unsend(message))
        self.model.unsend(message)

    @precondition(lambda self: self.messages)
    @rule(at=index, worker=st.sampled_from(WORKERS), able=st.one_of(st.just(list(ENGINES)), engines))
    def claim(self, at: int, worker: str, able: list[str]) -> None:
        """Deliver a message: the latest, an old one, or one delivered before."""
        message = self.messages[-1 - at % len(self.messages)]
        self._claim(worker, able, message.message, list(message.steps))

    @rule(names=keys)
    def claim_unasked(self, names: list[str]) -> None:
        """Deliver a message of unknown origin."""
        self._claim("w1", list(ENGINES), "stray", names)

    def _claim(self, worker: str, able: list[str], message: str, names: list[str]) -> None:
        answers = self.bench.run(c.claim(worker, able, message, names))
        self.model.claim(able, message, names, answers)
        self.granted += [(a.key, a.token) for a in answers if a.verdict is Verdict.RUN]

    @precondition(lambda self: self.granted)
    @rule(picks=st.lists(index, min_size=1, max_size=3), in_hand=st.sampled_from(["", *sorted(WORK)]))
    def renew(self, picks: list[int], in_hand: str) -> None:
        """Renew for holders, present and past."""
        held = [self._grant(pick) for pick in picks]
        assert self.bench.run(c.renew(held, in_hand)) == tuple(self.model.renew(held, in_hand))

    def _grant(self, pick: int) -> tuple[str, int]:
        return self.granted[-1 - pick % len(self.granted)]

    @precondition(lambda self: self.granted)
    @rule(
        results=st.lists(st.tuples(index, kinds, st.sampled_from("xy")), min_size=1, max_size=3), hand=index
    )
    def settle(self, results: list[tuple[int, str, str]], hand: int) -> None:
        """Settle for holders, present and past; each digest is the holder's own or one that others have too."""
        settlements = [self._settlement(*self._grant(pick), kind, salt) for pick, kind, salt in results]
        in_hand, token = self._grant(hand)
        verdicts = self.bench.run(c.settle(settlements, in_hand, token))
        assert list(verdicts) == self.model.settle(settlements, in_hand, token)
        for settlement, verdict in zip(settlements, verdicts, strict=True):
            if verdict is Verdict.COMMITTED:
                assert (settlement.key, settlement.token) not in self.committed, "two commits under one token"
                self.committed.append((settlement.key, settlement.token))

    @staticmethod
    def _settlement(key: str, token: int, kind: str, salt: str) -> Settlement:
        if kind in ("done", "provisional"):
            digest = salt * 64 if salt == "x" else f"{token:064d}"
            return c.done(key, token, digest, "", provisional=kind == "provisional")
        if kind == "permanent":
            return c.permanent(key, token, "ENCRYPTED", "m")
        if kind == "transient":
            return c.transient(key, token, "SOURCE_UNAVAILABLE", "m", 0 if salt == "x" else 2_000)
        if kind == "crash":
            return c.crash(key, token, "PARSER_CRASHED", "m")
        return c.release(key, token)

    @precondition(lambda self: self.messages)
    @rule(at=index)
    def abandon(self, at: int) -> None:
        """Report a child dead."""
        message = self.messages[-1 - at % len(self.messages)]
        self.bench.run(c.abandon(message.message, message.steps))
        self.model.abandon(message.message, message.steps)

    @rule(names=st.lists(calls, max_size=3, unique=True))
    def touch(self, names: list[str]) -> None:
        """Keep calls."""
        assert self.bench.run(c.touch(names)) == tuple(self.model.touch(names))

    @rule(call=calls, names=st.one_of(st.none(), keys))
    def drop(self, call: str, names: list[str] | None) -> None:
        """End a call, or its interest in some steps."""
        self.bench.run(c.drop(call, names))
        self.model.drop(call, names)

    @rule(messages_max=st.sampled_from([0, 16]))
    def expire(self, messages_max: int) -> None:
        """Do what is due, as a server does."""
        self._take(self.bench.run(c.expire(messages_max=messages_max)), messages_max, self.model.expire)

    @rule(worker=st.sampled_from(WORKERS), slots=st.integers(1, 3), able=engines)
    def beat(self, worker: str, slots: int, able: list[str]) -> None:
        """Let a worker beat."""
        self.bench.run(c.beat(worker, slots, able, "{}"))
        self.model.beat(worker, slots, able)

    @rule(worker=st.sampled_from(WORKERS))
    def retire(self, worker: str) -> None:
        """Let a worker leave in order."""
        self.bench.run(c.retire(worker, ENGINES))
        self.model.beat(worker, 0, ENGINES)

    @rule(names=keys)
    def replay(self, names: list[str]) -> None:
        """Replay, whatever it is."""
        assert self.bench.run(c.replay(names)) == tuple(self.model.replay(names))

    @rule(ms=st.sampled_from(TIMES), lively=st.booleans())
    def pass_time(self, ms: int, lively: bool) -> None:
        """Let time pass; workers beat and calls are touched afterwards, or not."""
        self.bench.later(ms)
        if lively:
            for worker in WORKERS:
                self.beat(worker, 2, list(ENGINES))
            self.touch(sorted(CALLS))

    @invariant()
    def check(self) -> None:
        """Check that the store is sound in itself, equals the model, and told of each end once."""
        store = recount.read(self.bench)
        recount.check(store, CAPS)
        recount.compare(store, self.model)
        start = self.last_event if self.last_event == "-" else f"({self.last_event}"
        for entry, fields in self.bench.client.xrange(self.bench.ledger.event_stream, min=start):
            self.last_event = entry.decode()
            self.told.update(fields[b"k"].decode().split())
        assert self.told == Counter(self.model.ended)


def test_the_ledger_does_what_its_model_says(valkey_url: str) -> None:
    """Whatever happens in whatever order, every verdict, step, counter, timer, lane and event is right."""
    alone = valkey_url.rsplit("/", 1)[0] + "/1"
    searched = settings(deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: LedgerMachine(alone), settings=searched)  # type: ignore[arg-type] # any factory will do
