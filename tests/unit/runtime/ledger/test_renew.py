"""RENEW: keeping a lease, losing it, and learning that nobody waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Verdict

from .bench import DIGEST, LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_a_renewed_lease_lasts(bench: Bench) -> None:
    """Renewed every L/3 a step is nobody else's, however long it runs."""
    (token,) = bench.hold("k")
    for _ in range(10):
        bench.later_alive(LIMITS.lease_ms // 3)
        assert bench.run(c.renew([("k", token)], "k")) == (Verdict.OK,)
        assert bench.expire().due == 0
        assert bench.verdict_of_claim("k") is Verdict.BUSY


def test_a_lease_that_ran_out_unnoticed_is_renewed(bench: Bench) -> None:
    """As long as nobody took the step away, its holder keeps it."""
    (token,) = bench.hold("k")
    bench.later_alive(LIMITS.lease_ms + 1)
    assert bench.run(c.renew([("k", token)], "k")) == (Verdict.OK,)
    assert bench.verdict_of_claim("k") is Verdict.BUSY


def test_what_is_not_held_is_lost(bench: Bench) -> None:
    """A step that ended, went back, was claimed by another or is gone cannot be renewed."""
    ended, back, _, taken = bench.hold("ended", "back", "fine", "taken")
    bench.settle(c.done("ended", ended, DIGEST, ""), c.release("back", back))
    bench.later_alive(LIMITS.lease_ms)
    bench.expire()
    bench.claim("taken", worker="w2")
    held = [("ended", ended), ("back", back), ("taken", taken), ("absent", 1)]
    assert bench.run(c.renew(held, "")) == (Verdict.LOST,) * 4


def test_a_step_nobody_wants_is_unwanted_and_not_extended(bench: Bench) -> None:
    """When every call ended the holder is told to stop; its lease runs out all the same."""
    (token,) = bench.hold("k")
    bench.submit("k", call="c2")
    bench.run(c.drop("c1"))
    assert bench.run(c.renew([("k", token)], "k")) == (Verdict.OK,)
    due = bench.client.zscore(f"{bench.ledger.name}:due", "k")
    bench.later(LIMITS.call_lease_ms)
    assert bench.run(c.renew([("k", token)], "k")) == (Verdict.UNWANTED,)
    assert bench.client.zscore(f"{bench.ledger.name}:due", "k") == due
    bench.expire()
    assert bench.state("k") is State.MISSING


def test_a_step_wanted_again_is_kept(bench: Bench) -> None:
    """A call that comes before the holder stopped keeps the step."""
    (token,) = bench.hold("k")
    bench.run(c.drop("c1"))
    assert bench.run(c.renew([("k", token)], "k")) == (Verdict.UNWANTED,)
    assert bench.submit("k", call="c2").steps[0].state is State.RUNNING
    assert bench.run(c.renew([("k", token)], "k")) == (Verdict.OK,)


def test_renew_says_which_step_is_in_hand(bench: Bench) -> None:
    """The blame of a death moves with the child's own account."""
    a, b = bench.hold("a", "b")
    bench.run(c.renew([("a", a), ("b", b)], "b"))
    assert [bench.field(k, "hd") for k in ("a", "b")] == ["0", "1"]


def test_a_verdict_for_each_in_order(bench: Bench) -> None:
    """Verdicts stand where their steps stood; none for none."""
    a, b = bench.hold("a", "b")
    bench.settle(c.done("a", a, DIGEST, ""))
    assert bench.run(c.renew([("a", a), ("b", b)], "b")) == (Verdict.LOST, Verdict.OK)
    assert bench.run(c.renew([], "")) == ()
