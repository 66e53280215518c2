"""CLAIM: who gets a step, under which token, and who is turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Verdict

from .bench import DIGEST, LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_a_sent_step_runs(bench: Bench) -> None:
    """RUN hands over the spec, the trace and the times, and starts a lease of L."""
    bench.worker()
    bench.submit("k", take=1, spec='{"input":"x"}', traceparent="00-abc")
    queued_ms = bench.clock.ms
    bench.later(5)
    (claim,) = bench.claim("k", message="m7", worker="w1")
    assert (claim.verdict, claim.attempt, claim.spec) == (Verdict.RUN, 1, '{"input":"x"}')
    assert (claim.traceparent, claim.queued_ms) == ("00-abc", queued_ms)
    status = bench.status()
    assert (status.sent, status.running, status.outstanding_ms) == (0, 1, 5)
    assert bench.client.zscore(f"{bench.ledger.name}:due", "k") == bench.clock.ms + LIMITS.lease_ms
    assert bench.read("k").begun_ms == bench.clock.ms
    assert (bench.field("k", "x"), bench.field("k", "w")) == ("m7", "w1")


def test_a_verdict_for_each_step_in_order(bench: Bench) -> None:
    """A message's steps may have fared differently; each is answered for itself."""
    bench.finish("ended")
    bench.submit("running", "waiting", "fine", "other", take=9, call="c2")
    bench.submit("foreign", engine="other@1", call="c2")
    bench.claim("running", "waiting")
    bench.settle(c.transient("waiting", int(bench.field("waiting", "t") or 0), "R", "m", 1000))
    claims = bench.claim("ended", "running", "waiting", "foreign", "absent", "fine")
    assert [(x.key, x.verdict) for x in claims] == [
        ("ended", Verdict.DONE),
        ("running", Verdict.BUSY),
        ("waiting", Verdict.BUSY),
        ("foreign", Verdict.WRONG_ENGINE),
        ("absent", Verdict.DROPPED),
        ("fine", Verdict.RUN),
    ]
    assert [x.token > 0 for x in claims] == [False] * 5 + [True]


def test_no_steps_no_verdicts(bench: Bench) -> None:
    """An empty message is claimed without a fuss."""
    assert bench.claim() == ()


def test_a_failed_step_is_done_too(bench: Bench) -> None:
    """An outcome is an outcome: a failure is not run again by a late message."""
    (token,) = bench.hold("k")
    bench.settle(c.permanent("k", token, "ENCRYPTED", "It has a password."))
    assert bench.verdict_of_claim("k") is Verdict.DONE


def test_the_same_message_delivered_twice_runs_once(bench: Bench) -> None:
    """The second delivery finds every step busy."""
    bench.worker()
    (message,) = bench.submit("a", "b", take=1).taken.messages
    first = bench.claim(*message.steps, message=message.message)
    second = bench.claim(*message.steps, message=message.message, worker="w2")
    assert {x.verdict for x in first} == {Verdict.RUN}
    assert {x.verdict for x in second} == {Verdict.BUSY}


def test_the_first_step_run_is_in_hand(bench: Bench) -> None:
    """The step the child begins with is the one a death is charged to; skipped ones do not count."""
    bench.finish("ended")
    bench.submit("a", "b", take=9, call="c2")
    bench.claim("ended", "a", "b")
    assert [bench.field(k, "hd") for k in ("ended", "a", "b")] == [None, "1", "0"]


def test_every_claim_has_a_newer_token(bench: Bench) -> None:
    """Tokens only grow, within a message and from claim to claim, and whichever way the clock goes."""
    bench.worker()
    bench.submit("a", "b", take=1)
    tokens = [x.token for x in bench.claim("a", "b")]
    for back_ms in (0, 5_000, -1_000):
        bench.settle(*(c.release(k, t) for k, t in zip(("a", "b"), tokens[-2:], strict=True)))
        bench.later(-back_ms)
        tokens += [x.token for x in bench.claim("a", "b")]
    assert tokens == sorted(set(tokens))


def test_a_forgotten_steps_token_is_never_granted_again(bench: Bench) -> None:
    """A worker frozen while its step was dropped and submitted anew is fenced: its token is nobody else's."""
    (frozen,) = bench.hold("k")
    bench.run(c.drop("c1"))
    bench.later(LIMITS.lease_ms)
    bench.expire()
    assert bench.state("k") is State.MISSING
    (second,) = bench.hold("k", call="c2")
    assert second > frozen
    assert bench.settle(c.done("k", frozen, "a" * 64, "")) == (Verdict.FENCED,)
    assert bench.run(c.renew([("k", frozen)], "k")) == (Verdict.LOST,)
    assert bench.settle(c.done("k", second, DIGEST, "")) == (Verdict.COMMITTED,)


def test_a_store_that_came_back_older_grants_no_token_twice(bench: Bench) -> None:
    """When the last granted token was lost with the store's last second, the next is still newer."""
    (held,) = bench.hold("k")
    bench.client.hdel(f"{bench.ledger.name}:totals", "token")
    bench.client.hset(f"{bench.ledger.name}:step:k", mapping={"s": "SENT", "t": 0})
    bench.later(1)
    assert bench.claim("k")[0].token > held


def test_a_lease_that_ran_out_is_taken_over(bench: Bench) -> None:
    """A claim may come before EXPIRE does: the lost worker is charged just the same."""
    (old,) = bench.hold("k")
    bench.later(LIMITS.lease_ms - 1)
    assert bench.verdict_of_claim("k") is Verdict.BUSY
    bench.later(1)
    (claim,) = bench.claim("k", worker="w2")
    assert (claim.verdict, claim.attempt) == (Verdict.RUN, 2)
    assert claim.token > old
    assert bench.field("k", "ai") == "1"
    status = bench.status()
    assert (status.running, status.queued, status.outstanding_ms, status.due) == (1, 0, 5, 1)


def test_a_takeover_of_a_step_not_in_hand_charges_nobody(bench: Bench) -> None:
    """Only the step in hand can have been the cause."""
    bench.hold("a", "b")
    bench.later(LIMITS.lease_ms)
    assert bench.verdict_of_claim("b") is Verdict.RUN
    assert bench.field("b", "ai") is None


def test_a_takeover_past_the_cap_is_done(bench: Bench) -> None:
    """The claim that finds the last worker lost fails the step, tells so, and has nothing to run."""
    bench.hold("k")
    for lost in range(1, LIMITS.infrastructure_attempts):
        bench.later(LIMITS.lease_ms)
        bench.run(c.touch(["c1"]))
        assert bench.verdict_of_claim("k") is Verdict.RUN
        assert bench.field("k", "ai") == str(lost)
    told = len(bench.events())
    bench.later(LIMITS.lease_ms)
    assert bench.verdict_of_claim("k") is Verdict.DONE
    assert bench.read("k").reason == "ATTEMPTS_EXHAUSTED"
    assert bench.events()[told:] == ["k"]


def test_a_takeover_of_a_step_nobody_wants_drops_it(bench: Bench) -> None:
    """An expired lease whose call lapsed too leaves nothing to run."""
    bench.hold("k")
    bench.later(LIMITS.call_lease_ms)
    assert bench.verdict_of_claim("k") is Verdict.DROPPED
    assert bench.state("k") is State.MISSING


@pytest.mark.parametrize("gone", ["dropped", "lapsed"])
def test_a_step_nobody_wants_is_dropped(bench: Bench, gone: str) -> None:
    """A message that arrives after its last call ended runs nothing and wakes who waits for room."""
    bench.worker()
    bench.submit("k", take=1)
    if gone == "dropped":
        bench.run(c.drop("c1"))
    else:
        bench.later(LIMITS.call_lease_ms)
    told = len(bench.events())
    assert bench.verdict_of_claim("k") is Verdict.DROPPED
    assert bench.events()[told:] == [""]
    status = bench.status()
    assert (status.sent, status.outstanding_ms, status.due) == (0, 0, 0)


def test_a_claim_ahead_of_its_message_takes_the_step_out_of_its_lane(bench: Bench) -> None:
    """A redispatched step claimed by the older message is not sent by the next TAKE."""
    bench.worker()
    bench.submit("a", take=1)
    bench.later_alive(LIMITS.dispatch_ms)
    bench.run(c.expire(messages_max=0))
    assert bench.state("a") is State.QUEUED
    assert bench.verdict_of_claim("a") is Verdict.RUN
    assert bench.taken_keys() == []
    assert bench.status().queued == 0


def test_a_wrong_engine_waits_a_second_uncharged(bench: Bench) -> None:
    """The step goes to RETRY_WAIT for 1 s, its room is given back, and servers are woken to learn it."""
    bench.worker()
    bench.submit("k", take=1)
    told = len(bench.events())
    assert bench.verdict_of_claim("k", engines=("other@1",)) is Verdict.WRONG_ENGINE
    assert bench.events()[told:] == [""]
    status = bench.status()
    assert (status.retry_wait, status.sent, status.outstanding_ms) == (1, 0, 0)
    assert bench.take().next_due_ms == 1000
    assert [bench.field("k", name) for name in ("ai", "ad", "at")] == [None, None, None]
    assert bench.read("k").attempt == 0


def test_a_wrong_engine_has_no_hold_on_the_step(bench: Bench) -> None:
    """The worker turned away got no token; the one before it may still commit."""
    (token,) = bench.hold("k")
    bench.settle(c.release("k", token))
    bench.take()
    (claim,) = bench.claim("k", engines=())
    assert (claim.verdict, claim.token) == (Verdict.WRONG_ENGINE, 0)
    assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.COMMITTED,)
    assert bench.status().due == 0
