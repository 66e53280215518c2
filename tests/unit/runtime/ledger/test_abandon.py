"""ABANDON: a pool child died with a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Verdict

from .bench import DIGEST, LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_the_step_in_hand_is_charged_and_the_rest_goes_back(bench: Bench) -> None:
    """The death is the hand's; what had not begun is uncharged. Whoever can send them is woken."""
    bench.worker()
    bench.submit("a", "b", "x", take=4)
    tokens = [x.token for x in bench.claim("a", "b", "x", message="m1")]
    bench.settle(c.done("a", tokens[0], DIGEST, ""), in_hand="b", in_hand_token=tokens[1])
    told = len(bench.events())
    bench.run(c.abandon("m1", ["a", "b", "x"]))
    assert [bench.field(k, "ai") for k in ("a", "b", "x")] == [None, "1", None]
    assert [bench.state(k) for k in ("a", "b", "x")] == [State.DONE, State.QUEUED, State.QUEUED]
    assert bench.events()[told:] == [""]
    status = bench.status()
    assert (status.running, status.outstanding_ms, status.due) == (0, 0, 0)


def test_another_messages_claim_is_not_touched(bench: Bench) -> None:
    """A step that runs under a newer message stays with it."""
    (old,) = bench.hold("k")
    bench.later_alive(LIMITS.lease_ms)
    bench.expire()
    (new,) = bench.claim("k", message="m2")
    assert new.token > old
    bench.run(c.abandon("m", ["k", "absent"]))
    assert bench.state("k") is State.RUNNING


def test_an_abandoned_step_nobody_wants_is_dropped(bench: Bench) -> None:
    """There is nothing to give back to."""
    bench.hold("k")
    bench.run(c.drop("c1"))
    bench.run(c.abandon("m", ["k"]))
    assert bench.state("k") is State.MISSING


def test_a_child_reported_dead_that_still_commits_is_heard(bench: Bench) -> None:
    """A commit on its way when the death was reported counts, until the next claim."""
    (token,) = bench.hold("k")
    bench.run(c.abandon("m", ["k"]))
    assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.COMMITTED,)


def test_the_last_tries_are_alone_and_the_cap_is_terminal(bench: Bench) -> None:
    """The last three tries of ten are alone; the tenth loss is quarantine, told, with its history."""
    bench.worker()
    bench.submit("k", take=4)
    alone = []
    for _ in range(LIMITS.infrastructure_attempts):
        assert bench.verdict_of_claim("k") is Verdict.RUN
        alone.append(bench.field("k", "al") == "1")
        bench.run(c.abandon("m", ["k"]))
    assert alone == [False] * 7 + [True] * 3
    step = bench.read("k")
    assert (step.state, step.reason, step.transient) == (State.FAILED, "ATTEMPTS_EXHAUSTED", False)
    assert bench.events()[-1] == "k"
    (given_up,), total = bench.run(c.quarantine(0, 10))
    assert (given_up.infrastructure_attempts, given_up.step.attempt, total) == (10, 10, 1)
    assert bench.status().due == 0
