"""EXPIRE: what happens when nothing happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Verdict

from .bench import DIGEST, LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_nothing_is_done_before_its_time(bench: Bench) -> None:
    """A step is due at its time and not a millisecond sooner."""
    bench.worker()
    bench.submit("k", take=1)
    bench.later_alive(LIMITS.dispatch_ms - 1)
    early = bench.expire()
    assert (early.due, early.next_due_ms) == (0, 1)
    bench.later(1)
    assert bench.expire().due == 1


def test_the_next_due_time_is_the_soonest(bench: Bench) -> None:
    """A call that lapses before a dispatch ends is waited for, and the other way round."""
    bench.submit("k")
    bench.later(LIMITS.call_lease_ms - 10)
    bench.worker()
    assert bench.take().next_due_ms == 10
    bench.run(c.touch(["c1"]))
    assert bench.take().next_due_ms == LIMITS.dispatch_ms


def test_a_message_that_got_lost_is_sent_again_uncharged(bench: Bench) -> None:
    """A SENT step nobody claimed within D goes out in a new message, as often as it takes."""
    bench.worker()
    (first,) = bench.submit("k", take=1).taken.messages
    names = {first.message}
    for _ in range(20):
        bench.later_alive(LIMITS.dispatch_ms)
        (again,) = bench.expire().messages
        assert again.steps == ("k",)
        names.add(again.message)
    assert len(names) == 21
    assert [bench.field("k", name) for name in ("ai", "ad", "at", "al")] == [None] * 4


def test_a_lost_worker_is_charged_for_the_step_in_hand(bench: Bench) -> None:
    """RUNNING past its lease: in hand is charged, the rest of the message is not."""
    bench.hold("a", "b")
    bench.later_alive(LIMITS.lease_ms)
    assert bench.expire().due == 2
    assert [bench.field(k, "ai") for k in ("a", "b")] == ["1", None]


def test_the_tenth_lost_worker_ends_the_step(bench: Bench) -> None:
    """The cap is terminal, told and listed."""
    bench.worker()
    bench.submit("k", take=1)
    for _ in range(LIMITS.infrastructure_attempts):
        assert bench.verdict_of_claim("k") is Verdict.RUN
        bench.later_alive(LIMITS.lease_ms)
        bench.expire()
    assert bench.read("k").reason == "ATTEMPTS_EXHAUSTED"
    assert bench.events()[-1] == "k"
    assert bench.status().quarantined == 1
    assert bench.expire().due == 0


def test_a_step_comes_back_to_the_front_of_its_lane(bench: Bench) -> None:
    """Who waited once does not wait behind newcomers."""
    bench.hold("old")
    bench.submit("new", call="c2")
    bench.later_alive(LIMITS.lease_ms, calls=("c1", "c2"))
    bench.run(c.expire(messages_max=0))
    assert bench.taken_keys() == ["old", "new"]


def test_a_due_step_nobody_wants_is_removed(bench: Bench) -> None:
    """Sent, running or waiting: when its time comes and nobody waits, it goes."""
    bench.worker()
    bench.submit("sent", take=1)
    bench.submit("running", "waiting", take=9)
    _, waiting = bench.claim("running", "waiting")
    bench.settle(c.transient("waiting", waiting.token, "SOURCE_UNAVAILABLE", "m", 3000))
    bench.run(c.drop("c1"))
    assert bench.state("waiting") is State.MISSING
    bench.later(max(LIMITS.dispatch_ms, LIMITS.lease_ms))
    bench.expire()
    assert {bench.state(k) for k in ("sent", "running")} == {State.MISSING}
    assert bench.status().due == 0


def test_expire_does_a_bounded_number(bench: Bench) -> None:
    """steps_max bounds one call; next_due says at once when more is left."""
    bench.worker(slots=64)
    bench.submit(*(f"k{i}" for i in range(10)), take=64)
    bench.later_alive(LIMITS.dispatch_ms)
    bench.worker(slots=64)
    first = bench.run(c.expire(steps_max=4, messages_max=0))
    assert (first.due, first.next_due_ms) == (4, 0)
    assert [bench.run(c.expire(steps_max=4, messages_max=0)).due for _ in range(3)] == [4, 2, 0]


def test_expire_takes_what_it_made_ready(bench: Bench) -> None:
    """Up to messages_max messages come with the answer."""
    bench.worker(slots=64)
    bench.submit(*(f"k{i}" for i in range(4)), cost=150, take=64)
    bench.later_alive(LIMITS.dispatch_ms)
    bench.worker(slots=64)
    assert len(bench.run(c.expire(messages_max=3)).messages) == 3


def test_a_lapsed_call_of_very_many_steps_is_dropped_in_parts(bench: Bench) -> None:
    """No call's end holds the store for long: the rest is due at once, and is unwanted meanwhile."""
    bench.submit(*(f"k{i}" for i in range(2_500)))
    bench.later(LIMITS.call_lease_ms)
    first = bench.expire()
    assert (first.next_due_ms, bench.status().queued) == (0, 500)
    assert bench.expire().next_due_ms is None
    assert not {key for key in bench.keys_left() if key.split(":")[0] not in {"counts", "totals"}}


def test_what_one_call_clears_is_bounded_over_all_calls(bench: Bench) -> None:
    """Several large calls that lapse together share the bound."""
    for call in ("c1", "c2"):
        bench.submit(*(f"{call}-{i}" for i in range(1_500)), call=call)
    bench.later(LIMITS.call_lease_ms)
    assert bench.expire().next_due_ms == 0
    assert bench.status().queued == 1_000
    bench.expire()
    assert bench.status().queued == 0


def test_a_retry_whose_time_has_come_is_sent(bench: Bench) -> None:
    """RETRY_WAIT ends at its time, uncharged."""
    (token,) = bench.hold("k")
    bench.settle(c.transient("k", token, "SOURCE_UNAVAILABLE", "m", 700))
    assert bench.take().next_due_ms == 700
    bench.later(700)
    assert [m.steps for m in bench.expire().messages] == [("k",)]
    (claim,) = bench.claim("k")
    assert (claim.verdict, claim.attempt, bench.field("k", "ai")) == (Verdict.RUN, 2, None)


def test_a_timer_of_a_step_that_is_gone_is_removed(bench: Bench) -> None:
    """After a loss in the store a leftover timer does not come back for ever."""
    bench.hold("k")
    bench.client.delete(f"{bench.ledger.name}:step:k")
    bench.later(LIMITS.lease_ms)
    assert bench.expire().due == 1
    assert bench.status().due == 0


def test_a_commit_removes_the_timer(bench: Bench) -> None:
    """What ended is not due."""
    bench.finish("k", digest=DIGEST)
    bench.run(c.drop("c1"))
    assert bench.expire().next_due_ms is None
