"""The ordinary life of a step, and the ways it strays, against a real Valkey with time as an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Verdict

from .bench import LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_a_step_is_submitted_taken_claimed_and_committed(bench: Bench) -> None:
    """A step ends DONE with the outcome its worker committed."""
    bench.worker()
    first = bench.submit("k", take=4)
    assert first.steps[0].state is State.SENT or first.steps[0].state is State.QUEUED
    assert [m.steps for m in first.taken.messages] == [("k",)]
    (claim,) = bench.claim("k")
    assert (claim.verdict, claim.attempt) == (Verdict.RUN, 1)
    assert bench.settle(c.done("k", claim.token, "d" * 64, '{"pages":1}')) == (Verdict.COMMITTED,)
    again = bench.submit("k", call="c2").steps[0]
    assert (again.state, again.digest, again.summary, again.known) == (
        State.DONE,
        "d" * 64,
        '{"pages":1}',
        True,
    )


def test_without_a_worker_nothing_is_taken(bench: Bench) -> None:
    """No live worker, no message; the status says since when."""
    assert bench.submit("k", take=4).taken.messages == ()
    status = bench.ledger.run(c.status())
    assert status.no_workers_since_ms == bench.clock.ms
    assert status.queued == 1


def test_a_lost_worker_is_charged_and_the_late_commit_is_fenced(bench: Bench) -> None:
    """A lease that runs out sends the step again; the first holder's commit after the second claim loses."""
    bench.worker()
    bench.submit("k", take=4)
    (held,) = bench.claim("k")
    bench.later(LIMITS.lease_ms + 1)
    bench.worker()
    bench.ledger.run(c.touch(["c1"]))
    taken = bench.ledger.run(c.expire())
    assert [m.steps for m in taken.messages] == [("k",)]
    (second,) = bench.claim("k")
    assert second.verdict is Verdict.RUN
    assert second.token > held.token
    assert bench.settle(c.done("k", held.token, "a" * 64, "")) == (Verdict.FENCED,)
    assert bench.settle(c.done("k", second.token, "b" * 64, "")) == (Verdict.COMMITTED,)
    assert bench.settle(c.done("k", second.token, "b" * 64, "")) == (Verdict.DUPLICATE,)


def test_a_late_commit_before_the_next_claim_wins(bench: Bench) -> None:
    """A step back in the queue keeps its token until somebody else claims it."""
    bench.worker()
    bench.submit("k", take=4)
    (held,) = bench.claim("k")
    bench.later(LIMITS.lease_ms + 1)
    bench.ledger.run(c.expire())
    assert bench.settle(c.done("k", held.token, "a" * 64, "")) == (Verdict.COMMITTED,)
    assert bench.claim("k")[0].verdict is Verdict.DONE


def test_two_crashes_quarantine_a_document(bench: Bench) -> None:
    """The second crash is terminal, charged to the document, listed and replayable."""
    bench.worker()
    bench.submit("k", take=4)
    for expected in (Verdict.REQUEUED, Verdict.FAILED):
        (held,) = bench.claim("k")
        (verdict,) = bench.settle(c.crash("k", held.token, "PARSER_CRASHED", "It died."))
        assert verdict is expected
    steps, total = bench.ledger.run(c.quarantine(0, 10))
    assert total == 1
    assert (steps[0].step.reason, steps[0].document_attempts) == ("PARSER_CRASHED", 2)
    assert bench.submit("k").steps[0].state is State.FAILED
    assert bench.ledger.run(c.replay(["k"])) == ("k",)
    assert bench.submit("k").steps[0].state is State.QUEUED


def test_dropped_work_is_not_run(bench: Bench) -> None:
    """When the last call that wants a step ends, the step goes with it."""
    bench.worker()
    bench.submit("k", take=4)
    bench.submit("k", call="c2")
    bench.ledger.run(c.drop("c1"))
    assert bench.state("k") is State.SENT
    bench.ledger.run(c.drop("c2"))
    assert bench.claim("k")[0].verdict is Verdict.DROPPED
    assert bench.state("k") is State.MISSING
    status = bench.ledger.run(c.status())
    assert (status.queued, status.sent, status.running, status.due, status.outstanding_ms) == (0, 0, 0, 0, 0)


def test_a_running_step_nobody_wants_is_told_to_stop(bench: Bench) -> None:
    """RENEW answers UNWANTED, and releasing it then removes it."""
    bench.worker()
    bench.submit("k", take=4)
    (held,) = bench.claim("k")
    bench.ledger.run(c.drop("c1"))
    assert bench.ledger.run(c.renew([("k", held.token)], "k")) == (Verdict.UNWANTED,)
    assert bench.settle(c.release("k", held.token)) == (Verdict.DROPPED,)


def test_the_fourth_passing_failure_is_terminal_and_never_a_cached_answer(bench: Bench) -> None:
    """TRANSIENT waits and is tried again, four times; the next submit starts afresh."""
    bench.worker()
    bench.submit("k", take=4)
    for attempt in range(4):
        (held,) = bench.claim("k")
        (verdict,) = bench.settle(c.transient("k", held.token, "SOURCE_UNAVAILABLE", "No answer.", 1000))
        if attempt < 3:
            assert verdict is Verdict.WAITING
            assert bench.claim("k")[0].verdict is Verdict.BUSY
            bench.later(1001)
            bench.worker()
            bench.ledger.run(c.expire())
    assert verdict is Verdict.FAILED
    assert bench.submit("k", call="c2").steps[0].state is State.QUEUED


def test_the_window_bounds_what_is_outstanding(bench: Bench) -> None:
    """At most the window's worth of predicted work is handed out, but one step always is."""
    bench.worker(slots=1)
    keys = [f"k{i}" for i in range(40)]
    taken = bench.submit(*keys, take=64, cost=300).taken
    sent = sum(m.cost_ms for m in taken.messages)
    assert LIMITS.window_ms - 300 < sent <= LIMITS.window_ms + 300
    bench.submit("huge", cost=10 * LIMITS.window_ms, call="c9")
    for key in keys:
        if bench.state(key) is State.SENT:
            (held,) = bench.claim(key)
            bench.settle(c.done(key, held.token, "d" * 64, ""))
    for _ in range(100):
        taken = bench.ledger.run(c.take(64))
        for message in taken.messages:
            for claim in bench.claim(*message.steps):
                bench.settle(c.done(claim.key, claim.token, "d" * 64, ""))
    assert bench.state("huge") is State.DONE


def test_a_child_that_died_is_charged_for_the_step_in_hand_only(bench: Bench) -> None:
    """ABANDON charges the step in hand and gives the rest back."""
    bench.worker()
    bench.submit("a", "b", "x", take=4)
    bench.claim("a", "b", "x", message="m1")
    bench.ledger.run(c.abandon("m1", ["a", "b", "x"]))
    rows = {k: bench.client.hget(f"{bench.ledger.name}:step:{k}", "ai") for k in ("a", "b", "x")}
    assert rows == {"a": b"1", "b": None, "x": None}
    assert bench.ledger.run(c.status()).queued == 3


def test_a_worker_without_the_engine_gives_the_step_back(bench: Bench) -> None:
    """A wrong engine is neither run nor charged, and is not sent again at once."""
    bench.worker()
    bench.submit("k", take=4)
    assert bench.claim("k", engines=("other@1",))[0].verdict is Verdict.WRONG_ENGINE
    assert bench.ledger.run(c.take(4)).messages == ()
    bench.later(1001)
    assert [m.steps for m in bench.ledger.run(c.expire()).messages] == [("k",)]


def test_a_lost_outcome_is_made_again(bench: Bench) -> None:
    """Naming the lost digest reopens the step, once: another digest does not."""
    bench.worker()
    bench.submit("k", take=4)
    (held,) = bench.claim("k")
    bench.settle(c.done("k", held.token, "a" * 64, ""))
    assert bench.submit("k", call="c2", lost="b" * 64).steps[0].state is State.DONE
    reopened = bench.submit("k", call="c2", lost="a" * 64).steps[0]
    assert (reopened.state, reopened.generation) == (State.QUEUED, 2)


def test_a_lapsed_call_loses_its_interest(bench: Bench) -> None:
    """A call that nobody touches lapses after its lease, and its waiting steps go."""
    bench.submit("k")
    bench.later(LIMITS.call_lease_ms + 1)
    bench.ledger.run(c.expire())
    assert bench.state("k") is State.MISSING
    assert bench.ledger.run(c.touch(["c1"])) == ("c1",)
