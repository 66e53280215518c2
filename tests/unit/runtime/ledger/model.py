"""The ledger as one would write it without a store: plain values, one at a time.

It predicts every verdict and every step's whole state, but not which messages TAKE makes: of those it says
whether they were allowed, and whether one was missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collatio.runtime.ledger.records import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from collatio.runtime.ledger.limits import Limits
    from collatio.runtime.ledger.records import Claim, Message, Settlement, Step

OUTSTANDING = {State.SENT, State.RUNNING}


@dataclass
class Entry:
    """A step as the model has it."""

    key: str
    tenant: str
    job: str
    engine: str
    cost: int
    generation: int
    state: State = State.QUEUED
    due: int | None = None
    token: int = 0
    attempts: int = 0
    to_infrastructure: int = 0
    to_document: int = 0
    to_passing_cause: int = 0
    alone: bool = False
    in_hand: bool = False
    message: str = ""
    digest: str = ""
    provisional: bool = False
    transient: bool = False
    ended_ms: int = 0
    queued_ms: int = 0
    wanted_by: set[str] = field(default_factory=set)


class Model:
    """Every step, call and worker, and what each transition does to them."""

    def __init__(self, limits: Limits, clock: Callable[[], int]) -> None:
        self.limits = limits
        self.clock = clock
        self.steps: dict[str, Entry] = {}
        self.calls: dict[str, int] = {}
        self.beats: dict[str, tuple[int, int]] = {}
        self.engines: dict[tuple[str, str], int] = {}
        self.quarantine: set[str] = set()
        self.ended: dict[str, int] = {}
        self.newest_token = 0
        self.sent: dict[tuple[str, str, str], tuple[int, int]] = {}

    # what is asked of the present state

    def wanted(self, step: Entry) -> bool:
        """Whether a live call waits for the step."""
        return any(self.calls.get(call, 0) > self.clock() for call in step.wanted_by)

    def outstanding(self) -> int:
        """Sum the predicted cost of what is handed out."""
        return sum(s.cost for s in self.steps.values() if s.state in OUTSTANDING)

    def live_slots(self) -> int:
        """Count the slots of workers that beat."""
        oldest = self.clock() - self.limits.worker_ttl_ms
        return sum(slots for beat, slots in self.beats.values() if beat >= oldest)

    def announced(self, engine: str) -> bool:
        """Whether a live worker runs the engine."""
        oldest = self.clock() - self.limits.worker_ttl_ms
        return engine == "" or any(e == engine and t >= oldest for (e, _), t in self.engines.items())

    def next_due(self) -> int | None:
        """Say when something is due, from now."""
        times = [s.due for s in self.steps.values() if s.due is not None] + list(self.calls.values())
        return max(0, min(times) - self.clock()) if times else None

    # what transitions share

    def _end(self, step: Entry, state: State) -> None:
        step.state, step.due, step.in_hand = state, None, False
        step.ended_ms, step.to_passing_cause, step.alone = self.clock(), 0, False
        step.wanted_by.clear()
        self.ended[step.key] = self.ended.get(step.key, 0) + 1

    def _requeue(self, step: Entry) -> Verdict:
        if not self.wanted(step):
            del self.steps[step.key]
            return Verdict.DROPPED
        step.state, step.due, step.in_hand = State.QUEUED, None, False
        return Verdict.REQUEUED

    def _wait(self, step: Entry, ms: int) -> None:
        step.state, step.due = State.RETRY_WAIT, self.clock() + ms

    def _charge_infrastructure(self, step: Entry) -> Verdict:
        step.to_infrastructure += 1
        if step.to_infrastructure >= self.limits.infrastructure_attempts:
            self._end(step, State.FAILED)
            self.quarantine.add(step.key)
            return Verdict.FAILED
        step.alone = step.alone or step.to_infrastructure >= self.limits.infrastructure_attempts - 3
        return self._requeue(step)

    # transitions

    def submit(
        self, call: str, tenant: str, job: str, steps: Sequence[Step], *, registered: bool = False
    ) -> list[tuple[State, bool, bool, int]] | None:
        """Answer each step's state, known, joined and generation; None to a registered call that lapsed."""
        if registered and self.calls.get(call, 0) <= self.clock():
            return None
        self.calls[call] = self.clock() + self.limits.call_lease_ms
        answers = []
        for asked in steps:
            step = self.steps.get(asked.key)
            joined = step is not None and not self._stale(step, asked, job)
            if step is None or not joined:
                generation = step.generation + 1 if step else 1
                step = Entry(asked.key, tenant, job, asked.engine, max(1, asked.cost_ms), generation)
                step.queued_ms = self.clock()
                self.steps[asked.key] = step
                self.quarantine.discard(asked.key)
            known = step.state.terminal
            if not known:
                step.wanted_by.add(call)
            answers.append((step.state, known, joined and not known, step.generation))
        return answers

    def _stale(self, step: Entry, asked: Step, job: str) -> bool:
        redone = asked.redo_before_ms is not None and step.ended_ms < asked.redo_before_ms
        if step.state is State.DONE:
            return redone or asked.lost == step.digest or (step.provisional and step.job != job)
        if step.state is not State.FAILED or step.key in self.quarantine:
            return False
        remembered = self.clock() - step.ended_ms <= self.limits.failure_ttl_ms
        retried = asked.reopen_before_ms is not None and step.ended_ms < asked.reopen_before_ms
        return step.transient or not remembered or retried or redone

    def taken(self, messages: Sequence[Message], messages_max: int, exists: Callable[[str], bool]) -> None:
        """Check what TAKE chose, do it, and check that nothing was left out."""
        for message in messages:
            self._send(message)
        for step in list(self.steps.values()):
            if step.state is State.QUEUED and not self.wanted(step) and not exists(step.key):
                del self.steps[step.key]
        if len(messages) < messages_max and self.outstanding() < self.live_slots() * self.limits.hungry_ms:
            left = [
                s.key
                for s in self.steps.values()
                if s.state is State.QUEUED
                and self.wanted(s)
                and self.announced(s.engine)
                and not self._may_gather(s)
            ]
            assert not left, f"workers are hungry and {left} was not sent"

    def gathers(self) -> bool:
        """Whether any lane may hold a part of a message back, from hungry workers or busy ones."""
        return any(s.state is State.QUEUED and self._may_gather(s, full=True) for s in self.steps.values())

    def _may_gather(self, step: Entry, *, full: bool = False) -> bool:
        """Whether the step's lane may hold it back: it is little beside what the lane sent, and has not waited."""
        lane = _lane(step)
        queued = [s for s in self.steps.values() if s.state is State.QUEUED and _lane(s) == lane]
        fresh = max(s.queued_ms for s in queued) > self.clock() - self.limits.target_ms
        enough = self.limits.target_ms if full else self._sent_lately(lane) / 16
        return fresh and sum(s.cost for s in queued) < min(self.limits.target_ms, enough)

    def _sent_lately(self, lane: tuple[str, str, str]) -> int:
        cost, at = self.sent.get(lane, (0, 0))
        return cost if self.clock() - at <= self.limits.worker_ttl_ms else 0

    def _send(self, message: Message) -> None:
        slots, out = self.live_slots(), self.outstanding()
        steps = [self.steps[key] for key in message.steps]
        room = slots * self.limits.window_ms - out
        assert slots > 0, "sent to nobody"
        assert steps, "an empty message"
        assert out == 0 or room > 0, "sent past the window"
        assert self.announced(message.engine), "sent to an engine nobody runs"
        assert message.cost_ms == sum(s.cost for s in steps)
        if len(steps) > 1:
            assert message.cost_ms <= min(room, self.limits.target_ms), (
                "reaches past the window or its target"
            )
            assert not any(s.alone for s in steps), "company for a step that runs alone"
        for step in steps:
            assert step.state is State.QUEUED, "sent a step that was not queued"
            assert self.wanted(step), "sent a step that nobody wants"
            assert (step.tenant, step.job, step.engine) == (message.tenant, message.job, message.engine)
            step.state, step.due = State.SENT, self.clock() + self.limits.dispatch_ms
            step.message = message.message
        lane = _lane(steps[0])
        self.sent[lane] = (self._sent_lately(lane) + message.cost_ms, self.clock())

    def unsend(self, message: Message) -> None:
        """Put a message's steps back that are still its own."""
        for key in message.steps:
            step = self.steps.get(key)
            if step and step.state is State.SENT and step.message == message.message:
                self._requeue(step)

    def claim(
        self, engines: Collection[str], message: str, keys: Iterable[str], answers: Iterable[Claim]
    ) -> None:
        """Predict each verdict, and take over the tokens that were granted."""
        first = True
        for key, answer in zip(keys, answers, strict=True):
            verdict = self._claim(key, engines)
            assert answer.verdict is verdict, (key, answer.verdict, verdict)
            if verdict is Verdict.RUN:
                step = self.steps[key]
                assert answer.token > self.newest_token, "a token granted before"
                self.newest_token = answer.token
                step.attempts += 1
                assert answer.attempt == step.attempts
                step.state, step.due = State.RUNNING, self.clock() + self.limits.lease_ms
                step.token, step.message, step.in_hand = answer.token, message, first
                first = False

    def _claim(self, key: str, engines: Collection[str]) -> Verdict:  # noqa: PLR0911 - one a verdict
        step = self.steps.get(key)
        if step is None:
            return Verdict.DROPPED
        if step.state.terminal:
            return Verdict.DONE
        if step.state is State.RETRY_WAIT:
            return Verdict.BUSY
        if step.state is State.RUNNING:
            if (step.due or 0) > self.clock():
                return Verdict.BUSY
            after = self._charge_infrastructure(step) if step.in_hand else self._requeue(step)
            if after is not Verdict.REQUEUED:
                return Verdict.DONE if after is Verdict.FAILED else Verdict.DROPPED
        if not self.wanted(step):
            del self.steps[key]
            return Verdict.DROPPED
        if step.engine and step.engine not in engines:
            self._wait(step, 1000)
            return Verdict.WRONG_ENGINE
        return Verdict.RUN

    def renew(self, held: Iterable[tuple[str, int]], in_hand: str) -> list[Verdict]:
        """Predict each verdict."""
        verdicts = []
        for key, token in held:
            step = self.steps.get(key)
            if step is None or step.state is not State.RUNNING or step.token != token:
                verdicts.append(Verdict.LOST)
            elif not self.wanted(step):
                verdicts.append(Verdict.UNWANTED)
            else:
                step.due = self.clock() + self.limits.lease_ms
                step.in_hand = key == in_hand
                verdicts.append(Verdict.OK)
        return verdicts

    def settle(self, results: Iterable[Settlement], in_hand: str, in_hand_token: int) -> list[Verdict]:
        """Predict each verdict."""
        verdicts = [self._settle(result) for result in results]
        step = self.steps.get(in_hand)
        if step and step.state is State.RUNNING and step.token == in_hand_token:
            step.in_hand = True
        return verdicts

    def _settle(self, result: Settlement) -> Verdict:
        step = self.steps.get(result.key)
        if step is None:
            return Verdict.FENCED
        if step.state.terminal:
            same = step.state is State.DONE and result.fields.get("digest") == step.digest
            return Verdict.DUPLICATE if same else Verdict.FENCED
        if not result.token or step.token != result.token:
            return Verdict.FENCED
        if result.kind == "done":
            step.digest = str(result.fields["digest"])
            step.provisional = "provisional" in result.fields
            self._end(step, State.DONE)
            return Verdict.COMMITTED
        if step.state is not State.RUNNING:
            return Verdict.FENCED
        return self._fail(step, result)

    def _fail(self, step: Entry, result: Settlement) -> Verdict:
        if result.kind == "release":
            return self._requeue(step)
        if result.kind == "permanent":
            self._end(step, State.FAILED)
            return Verdict.FAILED
        if result.kind == "transient":
            step.to_passing_cause += 1
            if step.to_passing_cause < self.limits.transient_attempts:
                self._wait(step, int(result.fields["retry_after_ms"]))
                step.in_hand = False
                return Verdict.WAITING
            step.transient = True
            self._end(step, State.FAILED)
            return Verdict.FAILED
        step.to_document += 1
        if step.to_document >= self.limits.document_attempts:
            self._end(step, State.FAILED)
            self.quarantine.add(step.key)
            return Verdict.FAILED
        step.alone = True
        return self._requeue(step)

    def abandon(self, message: str, keys: Iterable[str]) -> None:
        """Bury a child that died with a message."""
        for key in keys:
            step = self.steps.get(key)
            if step and step.state is State.RUNNING and step.message == message:
                self._charge_infrastructure(step) if step.in_hand else self._requeue(step)

    def touch(self, calls: Iterable[str]) -> list[str]:
        """Answer who lapsed."""
        lapsed = []
        for call in calls:
            if self.calls.get(call, 0) > self.clock():
                self.calls[call] = self.clock() + self.limits.call_lease_ms
            else:
                lapsed.append(call)
        return lapsed

    def drop(self, call: str, keys: Iterable[str] | None = None) -> None:
        """End a call's interest."""
        for key in list(self.steps) if keys is None else keys:
            step = self.steps.get(key)
            if step is None or (keys is None and call not in step.wanted_by):
                continue
            step.wanted_by.discard(call)
            if step.state in {State.QUEUED, State.RETRY_WAIT} and not self.wanted(step):
                del self.steps[key]
        if keys is None:
            self.calls.pop(call, None)

    def expire(self) -> int:
        """Do what is due; answer how many steps were."""
        due = [s for s in self.steps.values() if s.due is not None and s.due <= self.clock()]
        for call in [call for call, lease in self.calls.items() if lease <= self.clock()]:
            self.drop(call)
        for step in due:
            if step.key not in self.steps:
                continue
            if step.state is State.RUNNING and step.in_hand:
                self._charge_infrastructure(step)
            else:
                self._requeue(step)
        return len(due)

    def beat(self, worker: str, slots: int, engines: Iterable[str]) -> None:
        """Announce a worker, or take it back."""
        for engine in engines:
            if slots:
                self.engines[engine, worker] = self.clock()
            else:
                self.engines.pop((engine, worker), None)
        if slots:
            self.beats[worker] = (self.clock(), slots)
        else:
            self.beats.pop(worker, None)

    def replay(self, keys: Iterable[str]) -> list[str]:
        """Forget that steps were given up on."""
        replayed = [key for key in keys if key in self.quarantine]
        for key in replayed:
            self.quarantine.discard(key)
            del self.steps[key]
        return replayed


def _lane(step: Entry) -> tuple[str, str, str]:
    return step.tenant, step.job, step.engine
