"""SETTLE: committing and failing, by the holder of the newest token alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import Settlement, State, Verdict

from .bench import DIGEST, LIMITS

if TYPE_CHECKING:
    from .bench import Bench

KINDS = {
    "done": lambda key, token: c.done(key, token, DIGEST, ""),
    "permanent": lambda key, token: c.permanent(key, token, "ENCRYPTED", "m"),
    "transient": lambda key, token: c.transient(key, token, "SOURCE_UNAVAILABLE", "m", 1000),
    "crash": lambda key, token: c.crash(key, token, "PARSER_CRASHED", "m"),
    "release": c.release,
}
FAILURES = sorted(set(KINDS) - {"done"})


def assert_idle(bench: Bench) -> None:
    """Nothing is counted as under way and no timer runs."""
    status = bench.status()
    counted = (status.queued, status.sent, status.running, status.retry_wait)
    assert (counted, status.outstanding_ms, status.due) == ((0, 0, 0, 0), 0, 0)


def test_a_commit_is_told_and_ends_everything(bench: Bench) -> None:
    """COMMIT stores the outcome, removes timer and interest, and tells of the key, all at once."""
    (token,) = bench.hold("k")
    told = len(bench.events())
    verdicts = bench.settle(c.done("k", token, DIGEST, '{"pages":1}', '[{"k":1}]'))
    assert verdicts == (Verdict.COMMITTED,)
    step = bench.read("k")
    assert (step.state, step.digest, step.summary, step.children) == (
        State.DONE,
        DIGEST,
        '{"pages":1}',
        '[{"k":1}]',
    )
    assert bench.events()[told:] == ["k"]
    assert_idle(bench)
    assert not {key for key in bench.keys_left() if key.startswith(("want:", "call:"))}


def test_a_list_is_one_event(bench: Bench) -> None:
    """What one flush ends, well or badly, is told in one entry."""
    a, b, x = bench.hold("a", "b", "x")
    told = len(bench.events())
    bench.settle(c.done("a", a, DIGEST, ""), c.permanent("b", b, "ENCRYPTED", "m"), c.release("x", x))
    assert bench.events()[told:] == ["a b"]


def test_an_outcome_lives_for_its_time(bench: Bench) -> None:
    """An ended step's hash has the step's time to live."""
    bench.finish("k")
    left = bench.client.pttl(f"{bench.ledger.name}:step:k")
    assert LIMITS.step_ttl_ms - 60_000 < left <= LIMITS.step_ttl_ms


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_older_token_is_fenced(bench: Bench, kind: str) -> None:
    """Whoever held the step before counts for nothing, whatever it reports."""
    (old,) = bench.hold("k")
    bench.later_alive(LIMITS.lease_ms)
    bench.expire()
    (new,) = bench.claim("k")
    assert bench.settle(KINDS[kind]("k", old)) == (Verdict.FENCED,)
    assert (bench.state("k"), bench.field("k", "t")) == (State.RUNNING, str(new.token))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_token_never_granted_is_fenced(bench: Bench, kind: str) -> None:
    """A guess, and 0 above all, does not settle a step that nobody claimed."""
    bench.submit("k")
    for guess in (0, 1, bench.clock.ms):
        assert bench.settle(KINDS[kind]("k", guess)) == (Verdict.FENCED,)
    assert bench.state("k") is State.QUEUED


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_step_that_is_gone_is_fenced(bench: Bench, kind: str) -> None:
    """Nothing is made of a result for a step the ledger does not have."""
    assert bench.settle(KINDS[kind]("absent", 1)) == (Verdict.FENCED,)
    assert bench.state("absent") is State.MISSING


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_after_the_end_is_fenced(bench: Bench, kind: str) -> None:
    """An outcome is never taken back, not even by the holder who gave it."""
    (token,) = bench.hold("k")
    bench.settle(c.done("k", token, DIGEST, "s"))
    before = bench.read("k")
    assert bench.settle(KINDS[kind]("k", token)) == (Verdict.FENCED,)
    assert bench.read("k") == before


def test_the_same_commit_twice_is_a_duplicate(bench: Bench) -> None:
    """A reply that was lost is asked for again without harm; another digest is refused."""
    (token,) = bench.hold("k")
    bench.settle(c.done("k", token, DIGEST, "first"))
    told = len(bench.events())
    assert bench.settle(c.done("k", token, DIGEST, "second")) == (Verdict.DUPLICATE,)
    assert bench.settle(c.done("k", token, "e" * 64, "")) == (Verdict.FENCED,)
    assert (bench.read("k").summary, bench.events()[told:]) == ("first", [])


def test_a_commit_after_a_failure_is_fenced(bench: Bench) -> None:
    """A step that failed does not become done behind the back of who was told."""
    (token,) = bench.hold("k")
    bench.settle(c.permanent("k", token, "ENCRYPTED", "m"))
    assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.FENCED,)
    assert bench.state("k") is State.FAILED


@pytest.mark.parametrize("where", ["QUEUED", "SENT", "RETRY_WAIT"])
def test_a_late_commit_wins_until_the_next_claim(bench: Bench, where: str) -> None:
    """A step taken back keeps its token: work that was finished after all is not thrown away."""
    (token,) = bench.hold("k")
    if where == "RETRY_WAIT":
        bench.settle(c.transient("k", token, "SOURCE_UNAVAILABLE", "m", 1000))
    else:
        bench.settle(c.release("k", token))
    if where == "SENT":
        bench.take()
    assert bench.state("k") is State[where]
    assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.COMMITTED,)
    assert_idle(bench)
    assert bench.taken_keys() == []
    step = bench.read("k")
    assert (step.state, step.reason, step.message, step.transient) == (State.DONE, "", "", False)


@pytest.mark.parametrize("kind", FAILURES)
def test_a_late_failure_does_not_count(bench: Bench, kind: str) -> None:
    """Once a step was taken back its old holder can only succeed, not fail it."""
    (token,) = bench.hold("k")
    bench.settle(c.release("k", token))
    assert bench.settle(KINDS[kind]("k", token)) == (Verdict.FENCED,)
    assert bench.state("k") is State.QUEUED


def test_a_permanent_failure_ends_at_once(bench: Bench) -> None:
    """PERMANENT is terminal at the first time, told, and not in quarantine."""
    (token,) = bench.hold("k")
    told = len(bench.events())
    assert bench.settle(c.permanent("k", token, "ENCRYPTED", "It has a password.")) == (Verdict.FAILED,)
    step = bench.read("k")
    assert (step.state, step.reason, step.message) == (State.FAILED, "ENCRYPTED", "It has a password.")
    assert (step.transient, step.ended_ms, bench.events()[told:]) == (False, bench.clock.ms, ["k"])
    assert_idle(bench)
    assert bench.status().quarantined == 0


def test_a_transient_failure_waits_without_an_outcome(bench: Bench) -> None:
    """TRANSIENT waits as long as it asks; no key is told, but who waits for room is woken."""
    (token,) = bench.hold("k")
    told = len(bench.events())
    failure = c.transient("k", token, "SOURCE_UNAVAILABLE", "No answer.", 1500)
    assert bench.settle(failure) == (Verdict.WAITING,)
    assert bench.events()[told:] == [""]
    status = bench.status()
    assert (status.retry_wait, status.running, status.outstanding_ms) == (1, 0, 0)
    assert bench.take().next_due_ms == 1500
    bench.later_alive(1499)
    assert bench.expire().messages == ()
    bench.later(1)
    assert [m.steps for m in bench.expire().messages] == [("k",)]


def test_the_fourth_transient_failure_is_terminal(bench: Bench) -> None:
    """Its reason stands, marked as passing; it is not in quarantine."""
    bench.hold("k")
    for _ in range(LIMITS.transient_attempts - 1):
        token = int(bench.field("k", "t") or 0)
        assert bench.settle(c.transient("k", token, "SOURCE_TIMEOUT", "m", 0)) == (Verdict.WAITING,)
        bench.expire()
        bench.claim("k")
    token = int(bench.field("k", "t") or 0)
    assert bench.settle(c.transient("k", token, "SOURCE_UNAVAILABLE", "m", 0)) == (Verdict.FAILED,)
    step = bench.read("k")
    assert (step.reason, step.transient, step.attempt) == ("SOURCE_UNAVAILABLE", True, 4)
    assert bench.status().quarantined == 0
    assert_idle(bench)


def test_a_crash_is_charged_to_the_document_and_tried_alone(bench: Bench) -> None:
    """The first crash goes back to the queue, to be run alone, and wakes who can send it."""
    (token,) = bench.hold("k")
    told = len(bench.events())
    assert bench.settle(c.crash("k", token, "PARSER_CRASHED", "It died.")) == (Verdict.REQUEUED,)
    assert [bench.field("k", name) for name in ("ad", "al", "ai")] == ["1", "1", None]
    assert bench.events()[told:] == [""]


def test_a_release_charges_nobody(bench: Bench) -> None:
    """A step given back goes to the front of its lane."""
    a, *_ = bench.hold("a", "b")
    bench.submit("later")
    told = len(bench.events())
    assert bench.settle(c.release("a", a)) == (Verdict.REQUEUED,)
    assert bench.events()[told:] == [""]
    assert [bench.field("a", name) for name in ("ai", "ad", "at", "al")] == [None] * 4
    assert bench.taken_keys() == ["a", "later"]


@pytest.mark.parametrize("kind", ["crash", "release"])
def test_a_step_given_back_that_nobody_wants_is_dropped(bench: Bench, kind: str) -> None:
    """There is no queue for work without a taker."""
    (token,) = bench.hold("k")
    bench.run(c.drop("c1"))
    assert bench.settle(KINDS[kind]("k", token)) == (Verdict.DROPPED,)
    assert bench.state("k") is State.MISSING
    assert_idle(bench)


@pytest.mark.parametrize("kind", ["done", "permanent"])
def test_an_outcome_nobody_waits_for_is_kept(bench: Bench, kind: str) -> None:
    """Finished work fills the cache, whoever asked for it."""
    (token,) = bench.hold("k")
    bench.run(c.drop("c1"))
    bench.settle(KINDS[kind]("k", token))
    assert bench.submit("k", call="c2").steps[0].known


def test_a_step_twice_in_one_list_settles_once(bench: Bench) -> None:
    """Results are taken in order; the second sees what the first did."""
    (token,) = bench.hold("k")
    done = c.done("k", token, DIGEST, "")
    assert bench.settle(done, done, c.release("k", token)) == (
        Verdict.COMMITTED,
        Verdict.DUPLICATE,
        Verdict.FENCED,
    )


def test_settle_says_which_step_is_begun(bench: Bench) -> None:
    """The next step in hand is marked with the same call, if it is still held."""
    a, b, _ = bench.hold("a", "b", "x")
    bench.settle(c.done("a", a, DIGEST, ""), in_hand="b", in_hand_token=b)
    assert [bench.field(k, "hd") for k in ("a", "b", "x")] == [None, "1", "0"]
    bench.settle(in_hand="x", in_hand_token=b)
    assert bench.field("x", "hd") == "0"
    assert bench.settle(in_hand="absent", in_hand_token=1) == ()


def test_a_summary_is_at_most_a_kibibyte() -> None:
    """Longer summaries are refused before they are sent, counted in bytes."""
    assert c.done("k", 1, DIGEST, "é" * 512).fields["summary"] == "é" * 512
    with pytest.raises(ValueError, match="1024"):
        c.done("k", 1, DIGEST, "é" * 513)


def test_a_settlement_is_a_plain_value() -> None:
    """Results can be collected, compared and flushed later."""
    assert c.release("k", 7) == Settlement("k", 7, "release", {})


def test_what_waits_to_be_tried_again_says_since_when(bench: Bench) -> None:
    """Since the first of those that wait; nothing waits any more when the last is taken up."""
    for key in ("a", "b"):
        (token,) = bench.hold(key)
        bench.settle(c.transient(key, token, "SOURCE_UNAVAILABLE", "No answer.", 1_000))
        if key == "a":
            since = bench.clock.ms
        bench.later(500)
    assert bench.status().retry_wait_since_ms == since
    bench.later(1_000)
    bench.expire()
    assert (bench.status().retry_wait, bench.status().retry_wait_since_ms) == (0, 0)
