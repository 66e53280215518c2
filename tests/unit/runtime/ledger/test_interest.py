"""TOUCH and DROP: interest, who has it and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Verdict

from .bench import LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_a_touched_call_keeps_its_interest(bench: Bench) -> None:
    """TOUCH gives another lease, counted from now."""
    bench.submit("k")
    for _ in range(5):
        bench.later(LIMITS.call_lease_ms - 1)
        assert bench.run(c.touch(["c1"])) == ()
        bench.expire()
    assert bench.state("k") is State.QUEUED


def test_touch_answers_who_lapsed(bench: Bench) -> None:
    """A call that lapsed, was dropped or never was must submit again; the others go on."""
    bench.submit("a", call="lapsed")
    bench.submit("b", call="dropped")
    bench.run(c.drop("dropped"))
    bench.later(LIMITS.call_lease_ms)
    bench.submit("x", call="fine")
    assert bench.run(c.touch(["lapsed", "fine", "dropped", "unknown"])) == ("lapsed", "dropped", "unknown")
    assert bench.run(c.touch([])) == ()


def test_touch_does_not_bring_a_lapsed_call_back(bench: Bench) -> None:
    """Only submitting again does."""
    bench.submit("k")
    bench.later(LIMITS.call_lease_ms)
    bench.run(c.touch(["c1"]))
    bench.expire()
    assert bench.state("k") is State.MISSING


def test_submitting_again_in_time_brings_a_lapsed_call_back(bench: Bench) -> None:
    """A call that comes back before its steps were cleared away goes on with them."""
    bench.submit("k")
    bench.later(LIMITS.call_lease_ms)
    assert bench.submit("k").steps[0].joined
    bench.expire()
    assert bench.state("k") is State.QUEUED


def test_a_known_call_that_lapsed_is_told_so_however_often_it_asks(bench: Bench) -> None:
    """An answer may be lost, and the question is asked again: nothing but submitting anew makes the call live."""
    bench.submit("old")
    bench.later(LIMITS.call_lease_ms)
    for _ in range(2):
        refused = bench.submit("new", take=9, registered=True)
        assert (refused.lapsed, refused.steps, refused.taken.messages) == (True, (), ())
    bench.expire()
    assert [bench.state(k) for k in ("old", "new")] == [State.MISSING, State.MISSING]
    assert not bench.submit("old").lapsed
    assert not bench.submit("new", registered=True).lapsed
    assert [bench.state(k) for k in ("old", "new")] == [State.QUEUED, State.QUEUED]


def test_drop_ends_interest_in_some_steps(bench: Bench) -> None:
    """A list drops those alone; the call and its other steps stay."""
    bench.submit("a", "b")
    bench.run(c.drop("c1", ["a", "absent"]))
    assert [bench.state(k) for k in ("a", "b")] == [State.MISSING, State.QUEUED]
    assert bench.client.smembers(f"{bench.ledger.name}:call:c1") == {b"b"}
    assert bench.run(c.touch(["c1"])) == ()


def test_drop_of_an_empty_list_drops_nothing(bench: Bench) -> None:
    """No steps is not the same as all steps."""
    bench.submit("a")
    bench.run(c.drop("c1", []))
    assert bench.state("a") is State.QUEUED
    assert bench.run(c.touch(["c1"])) == ()


def test_what_another_call_wants_stays(bench: Bench) -> None:
    """A cancelled job does not hurt a step that another wants."""
    bench.submit("k", "own")
    bench.submit("k", call="c2", job="j2")
    bench.run(c.drop("c1"))
    assert [bench.state(k) for k in ("k", "own")] == [State.QUEUED, State.MISSING]
    bench.worker()
    assert bench.taken_keys() == ["k"]


def test_interest_of_a_lapsed_call_does_not_count(bench: Bench) -> None:
    """A call that nobody touched holds nothing up, even before EXPIRE clears it away."""
    bench.submit("k", call="old")
    bench.later(LIMITS.call_lease_ms)
    bench.submit("k", call="c2")
    bench.run(c.drop("c2"))
    assert bench.state("k") is State.MISSING


def test_waiting_steps_go_with_their_last_call(bench: Bench) -> None:
    """QUEUED and RETRY_WAIT are removed at once; SENT and RUNNING are met later."""
    bench.worker()
    bench.submit("sent", take=1)
    bench.submit("running", "retry", take=9)
    running, retry = bench.claim("running", "retry")
    bench.settle(c.transient("retry", retry.token, "SOURCE_UNAVAILABLE", "m", 9_000))
    bench.submit("queued")
    bench.run(c.drop("c1"))
    assert [bench.state(k) for k in ("queued", "retry", "sent", "running")] == [
        State.MISSING,
        State.MISSING,
        State.SENT,
        State.RUNNING,
    ]
    status = bench.status()
    assert (status.queued, status.retry_wait, status.sent, status.running, status.due) == (0, 0, 1, 1, 2)
    assert bench.run(c.renew([("running", running.token)], "running")) == (Verdict.UNWANTED,)
    assert bench.verdict_of_claim("sent") is Verdict.DROPPED


def test_drop_of_a_call_nobody_knows_does_nothing(bench: Bench) -> None:
    """A call's end may come twice."""
    bench.submit("k")
    bench.run(c.drop("unknown"))
    bench.run(c.drop("c1"))
    bench.run(c.drop("c1"))
    assert bench.state("k") is State.MISSING


def test_drop_of_very_many_steps_goes_in_parts(bench: Bench) -> None:
    """The call lapses at once, what it alone wanted is not sent, and EXPIRE clears away the rest."""
    bench.submit(*(f"k{i}" for i in range(2_500)))
    bench.run(c.drop("c1"))
    assert bench.status().queued == 500
    assert bench.run(c.touch(["c1"])) == ("c1",)
    bench.worker()
    assert bench.take().messages == ()
    assert bench.expire().next_due_ms is None
    assert bench.status().queued == 0
