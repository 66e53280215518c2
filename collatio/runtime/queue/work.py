"""Run one message: claim its steps, do them, commit in lists.

Blobs come first, then COMMIT; what a crash leaves in between is written again. Leases are renewed by a thread
of the pool child, which also learns there that nobody wants a step any more. Commits are flushed every 200 ms,
by the same thread where a step takes longer, so that a slow step holds no other's outcome back. Each flush names
the step in hand, so that a lost child is charged for that one alone.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach
from collatio.runtime.ledger import commands
from collatio.runtime.ledger.records import Verdict
from collatio.runtime.queue.outcome import Crashed, Done, Failed, GivenBack, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collatio.runtime.ledger.ledger import Ledger
    from collatio.runtime.ledger.records import Claim, Settlement
    from collatio.runtime.queue.outcome import Handler, Outcome
    from collatio.runtime.queue.stop import StopClock

logger = logging.getLogger(__name__)
FLUSH_S = 0.2
TICK_S = 0.25
FLUSH_MAX = 64
RETRY_AFTER_MS = (1_000, 4_000, 15_000)
COMMIT_TRIES = 4
COMMIT_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is run: the worker, what it can run, and when it must stop."""

    worker: str
    engines: tuple[str, ...]
    stop: StopClock
    time_limit_s: float


class MessageRun:
    """One message in hand. It is the handler's `Hand`."""

    def __init__(
        self,
        ledger: Ledger,
        handler: Handler,
        place: Place,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger, self._handler, self._place, self._clock = ledger, handler, place, clock
        self._sleep = sleep
        self._held: dict[str, int] = {}
        self._unwanted: set[str] = set()
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._results: list[Settlement] = []
        self._in_hand = ""
        self._stop_in_hand: Callable[[], None] | None = None
        self._started = self._flushed = clock()
        self._ended = threading.Event()

    def begin(self, work: Work, stop: Callable[[], None] | None = None) -> bool:
        """Say that a step is begun. False: leave it."""
        late = self._clock() - self._started > self._place.time_limit_s / 2
        if late or self._place.stop.stopping() or self.unwanted(work):
            return False
        self._in_hand, self._stop_in_hand = work.key, stop
        reach("worker.step.begun")
        return True

    def unwanted(self, work: Work) -> bool:
        """Tell whether a step should be given back: nobody waits for it, its lease was lost, or time is up."""
        return work.key in self._unwanted or self._place.stop.must_let_go()

    def run(self, tenant: str, job: str, message: str, steps: Sequence[str]) -> None:
        """Run a message. Errors: STATE_STORE_UNAVAILABLE on claiming."""
        reach("worker.claim.before")
        claims = self._ledger.run(commands.claim(self._place.worker, self._place.engines, message, steps))
        batch = [_work(claim, tenant, job) for claim in claims if claim.verdict is Verdict.RUN]
        if not batch:
            return
        reach("worker.claim.after")
        self._held = {work.key: work.token for work in batch}
        self._in_hand = batch[0].key
        renewer = threading.Thread(target=self._renew, name="renew", daemon=True)
        renewer.start()
        try:
            for work, outcome in self._handler.handle(batch, self):
                self._note(work, outcome)
        finally:
            self._ended.set()
            renewer.join()
            self._give_back_rest()
            self._flush()
        reach("worker.message.end")

    def _note(self, work: Work, outcome: Outcome) -> None:
        reach("worker.step.done")
        with self._lock:
            self._results.append(_settlement(work, outcome))
            self._held.pop(work.key, None)
        if self._is_flush_due() or len(self._results) >= FLUSH_MAX:
            self._flush()

    def _is_flush_due(self) -> bool:
        return self._clock() - self._flushed >= FLUSH_S

    def _give_back_rest(self) -> None:
        with self._lock:
            rest, self._held = self._held, {}
            if rest:
                reach("worker.release.before")
            self._results += [commands.release(key, token) for key, token in rest.items()]

    def _flush(self) -> None:
        """Commit what is noted. An outage is waited out briefly; after that the lease brings the steps back."""
        with self._flushing:
            self._flushed = self._clock()
            with self._lock:
                results, self._results = self._results, []
                in_hand, token = self._in_hand, self._held.get(self._in_hand, 0)
            if results:
                self._commit(results, in_hand if token else "", token)

    def _commit(self, results: Sequence[Settlement], in_hand: str, token: int) -> None:
        command = commands.settle(results, in_hand, token)
        for left in range(COMMIT_TRIES, -1, -1):
            try:
                self._handler.before_commit()
                reach("worker.settle.before")
                verdicts = self._ledger.run(command)
                break
            except CollatioError as error:
                if left == 0:
                    logger.warning(
                        "outcomes not committed, their leases will run out",
                        extra={"fields": {"steps": len(results), "reason": error.reason}},
                    )
                    return
                self._sleep(COMMIT_AGAIN_S)
        reach("worker.settle.after")
        fenced = sum(v is Verdict.FENCED for v in verdicts)
        if fenced:
            logger.info("late outcomes were fenced", extra={"fields": {"steps": fenced}})

    def _stop_if_unwanted(self) -> None:
        stop = self._stop_in_hand
        if stop is not None and (self._in_hand in self._unwanted or self._place.stop.must_let_go()):
            self._stop_in_hand = None
            stop()

    def _renew(self) -> None:
        interval = self._ledger.limits.lease_ms / 3000
        renewed = self._clock()
        while not self._ended.wait(min(TICK_S, interval)):
            self._stop_if_unwanted()
            if self._results and self._is_flush_due():
                self._flush()
            if self._clock() - renewed < interval:
                continue
            renewed = self._clock()
            with self._lock:
                held = list(self._held.items())
            try:
                reach("worker.renew.before")
                verdicts = self._ledger.run(commands.renew(held, self._in_hand))
            except CollatioError:
                logger.warning("leases not renewed: the state store is away")
                continue
            for (key, _), verdict in zip(held, verdicts, strict=True):
                if verdict is not Verdict.OK:
                    self._unwanted.add(key)


def _work(claim: Claim, tenant: str, job: str) -> Work:
    return Work(
        key=claim.key,
        token=claim.token,
        attempt=claim.attempt,
        tenant=tenant,
        job=job,
        spec=json.loads(claim.spec),
        queued_ms=claim.queued_ms,
    )


def _settlement(work: Work, outcome: Outcome) -> Settlement:
    """Turn an outcome into what the ledger takes."""
    if isinstance(outcome, Done):
        children = json.dumps(list(outcome.children)) if outcome.children else ""
        summary = json.dumps(outcome.summary, separators=(",", ":"), ensure_ascii=False)
        return commands.done(
            work.key, work.token, outcome.digest, summary, children, provisional=outcome.provisional
        )
    if isinstance(outcome, Crashed):
        return commands.crash(work.key, work.token, outcome.reason, outcome.message)
    if isinstance(outcome, GivenBack):
        return commands.release(work.key, work.token)
    return _failure(work, outcome)


def _failure(work: Work, outcome: Failed) -> Settlement:
    error = outcome.error
    if not error.retryable or error.reason is Reason.ATTEMPTS_EXHAUSTED:
        return commands.permanent(work.key, work.token, error.reason, error.message)
    delay = RETRY_AFTER_MS[min(work.attempt, len(RETRY_AFTER_MS)) - 1]
    if error.retry_after_s is not None:
        delay = min(60_000, max(100, round(error.retry_after_s * 1000)))
    return commands.transient(work.key, work.token, error.reason, error.message, delay)
