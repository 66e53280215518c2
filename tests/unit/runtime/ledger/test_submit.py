"""SUBMIT: asking twice is asking once, and what makes an ended step run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Step, Verdict

from .bench import DIGEST, ENGINE, LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_a_new_step_is_queued_in_its_first_generation(bench: Bench) -> None:
    """A step nobody asked for before is QUEUED, generation 1, neither known nor joined."""
    (step,) = bench.submit("k", traceparent="00-abc").steps
    assert (step.state, step.generation, step.known, step.joined) == (State.QUEUED, 1, False, False)
    stored = bench.read("k")
    assert (stored.queued_ms, stored.attempt, stored.traceparent) == (bench.clock.ms, 0, "00-abc")


def test_answers_come_in_the_order_asked(bench: Bench) -> None:
    """Each answer stands where its step stood, whatever the step's state."""
    bench.finish("b")
    assert [s.key for s in bench.submit("c", "b", "a").steps] == ["c", "b", "a"]


def test_no_steps_is_a_request_too(bench: Bench) -> None:
    """An empty list gives an empty answer: the call alone is registered."""
    submitted = bench.submit()
    assert (submitted.steps, submitted.taken.messages) == ((), ())
    assert bench.run(c.touch(["c1"])) == ()


def test_a_second_call_joins_a_waiting_step(bench: Bench) -> None:
    """The step stays one; the second call learns whose trace it joined."""
    bench.submit("k", traceparent="00-first")
    (joined,) = bench.submit("k", call="c2", job="j2", traceparent="00-second").steps
    assert (joined.joined, joined.known, joined.traceparent) == (True, False, "00-first")
    assert bench.status().queued == 1


def test_a_key_twice_in_one_call_is_one_step(bench: Bench) -> None:
    """The same key twice in a list is queued once."""
    first, second = bench.submit("k", "k").steps
    assert (first.joined, second.joined) == (False, True)
    bench.worker()
    assert bench.taken_keys() == ["k"]


@pytest.mark.parametrize("state", [State.SENT, State.RUNNING, State.RETRY_WAIT])
def test_joining_does_not_disturb_work_under_way(bench: Bench, state: State) -> None:
    """A step that is sent, running or waiting to be tried again keeps its state and its token."""
    bench.worker()
    bench.submit("k", take=1)
    if state is not State.SENT:
        (held,) = bench.claim("k")
        if state is State.RETRY_WAIT:
            bench.settle(c.transient("k", held.token, "SOURCE_UNAVAILABLE", "No answer.", 1000))
    token = bench.field("k", "t")
    (joined,) = bench.submit("k", call="c2").steps
    assert (joined.state, joined.joined, bench.field("k", "t")) == (state, True, token)


def test_a_known_outcome_is_answered_at_once(bench: Bench) -> None:
    """DONE is answered with its digest, summary, children and times; nothing is queued."""
    (token,) = bench.hold("k")
    bench.later(7)
    bench.settle(c.done("k", token, DIGEST, '{"pages":3}', '[{"uri":"x"}]'))
    (step,) = bench.submit("k", call="c2").steps
    assert (step.state, step.known, step.joined) == (State.DONE, True, False)
    assert (step.digest, step.summary, step.children) == (DIGEST, '{"pages":3}', '[{"uri":"x"}]')
    assert (step.begun_ms, step.ended_ms) == (bench.clock.ms - 7, bench.clock.ms)
    assert bench.status().queued == 0


def test_a_known_outcome_takes_no_interest(bench: Bench) -> None:
    """Who is answered at once waits for nothing: no interest is kept."""
    bench.finish("k")
    bench.submit("k", call="c2")
    assert not {key for key in bench.keys_left() if key.startswith(("want:", "call:"))}


def test_a_hit_renews_the_outcomes_life(bench: Bench) -> None:
    """An outcome that is asked for lives on from then."""
    bench.finish("k")
    name = f"{bench.ledger.name}:step:k"
    bench.client.pexpire(name, 5_000)
    bench.submit("k", call="c2")
    assert bench.client.pttl(name) > LIMITS.step_ttl_ms - 60_000


def test_a_step_that_waits_does_not_expire(bench: Bench) -> None:
    """Only outcomes have an end of life; a reopened step loses the one it had."""
    bench.finish("k")
    bench.submit("k", call="c2", lost=DIGEST)
    assert bench.client.pttl(f"{bench.ledger.name}:step:k") == -1


def test_a_permanent_failure_is_answered_for_an_hour(bench: Bench) -> None:
    """A failure that would come again is remembered for failure_ttl, then tried anew."""
    (token,) = bench.hold("k")
    bench.settle(c.permanent("k", token, "ENCRYPTED", "It has a password."))
    bench.later(LIMITS.failure_ttl_ms)
    (remembered,) = bench.submit("k", call="c2").steps
    assert (remembered.state, remembered.reason, remembered.message) == (
        State.FAILED,
        "ENCRYPTED",
        "It has a password.",
    )
    assert (remembered.known, remembered.transient) == (True, False)
    bench.later(1)
    (again,) = bench.submit("k", call="c3").steps
    assert (again.state, again.generation) == (State.QUEUED, 2)


def test_a_transient_failure_is_never_an_answer(bench: Bench) -> None:
    """A failure of a passing cause is tried again by whoever asks next."""
    bench.worker()
    bench.submit("k", take=1)
    for _ in range(LIMITS.transient_attempts):
        (held,) = bench.claim("k")
        bench.settle(c.transient("k", held.token, "SOURCE_UNAVAILABLE", "No answer.", 0))
        bench.expire()
    assert bench.read("k").transient
    (again,) = bench.submit("k", call="c2").steps
    assert (again.state, again.generation, again.known) == (State.QUEUED, 2, False)
    assert bench.field("k", "at") is None


def test_a_retry_reopens_failures_from_before_it(bench: Bench) -> None:
    """reopen_before_ms reopens what failed before that time, and nothing that failed since."""
    (token,) = bench.hold("k")
    bench.settle(c.permanent("k", token, "ENCRYPTED", "It has a password."))
    at = bench.clock.ms
    assert bench.submit("k", call="c2", reopen_before_ms=at).steps[0].state is State.FAILED
    assert bench.submit("k", call="c2", reopen_before_ms=at + 1).steps[0].state is State.QUEUED


def test_a_retry_does_not_run_what_succeeded(bench: Bench) -> None:
    """reopen_before_ms is for failures alone."""
    bench.finish("k")
    assert bench.submit("k", call="c2", reopen_before_ms=bench.clock.ms + 1).steps[0].known


def test_a_redo_runs_what_ended_before_it_whatever_came_of_it(bench: Bench) -> None:
    """redo_before_ms reopens outcomes and failures from before that time, and none that came since."""
    bench.finish("good")
    (token,) = bench.hold("bad")
    bench.settle(c.permanent("bad", token, "ENCRYPTED", "It has a password."))
    at = bench.clock.ms
    known = bench.submit("good", "bad", call="c2", redo_before_ms=at).steps
    assert [step.known for step in known] == [True, True]
    again = bench.submit("good", "bad", call="c2", redo_before_ms=at + 1).steps
    assert [(step.state, step.generation) for step in again] == [(State.QUEUED, 2)] * 2


def test_a_provisional_result_is_known_to_its_own_job_alone(bench: Bench) -> None:
    """The job that it ran for is answered with it as often as it asks; for any other job the step runs again."""
    (token,) = bench.hold("k", job="j1")
    assert bench.settle(c.done("k", token, DIGEST, "{}", provisional=True)) == (Verdict.COMMITTED,)
    own = bench.submit("k", call="c2", job="j1").steps[0]
    assert (own.state, own.known, own.digest, own.transient) == (State.DONE, True, DIGEST, False)
    other = bench.submit("k", call="c3", job="j2").steps[0]
    assert (other.state, other.known, other.generation) == (State.QUEUED, False, 2)


def test_a_quarantined_failure_stays_whoever_asks(bench: Bench) -> None:
    """Neither time nor a retry reopens a step that was given up on: REPLAY does."""
    bench.hold("k")
    for _ in range(LIMITS.document_attempts):
        token = int(bench.field("k", "t") or 0)
        bench.settle(c.crash("k", token, "PARSER_CRASHED", "It died."))
        bench.claim("k")
    bench.later(LIMITS.failure_ttl_ms + 1)
    bench.worker()
    at = bench.clock.ms + 1
    (step,) = bench.submit("k", call="c2", reopen_before_ms=at, redo_before_ms=at).steps
    assert (step.state, step.known) == (State.FAILED, True)


def test_a_reopened_step_starts_afresh(bench: Bench) -> None:
    """A new generation has no outcome, no charges and the asker's own job, spec and trace."""
    bench.hold("k", traceparent="00-first")
    bench.settle(c.crash("k", int(bench.field("k", "t") or 0), "PARSER_CRASHED", "It died."))
    (second,) = bench.claim("k")
    bench.settle(c.done("k", second.token, DIGEST, "s"))
    (reopened,) = bench.submit(
        "k", call="c2", job="j2", lost=DIGEST, spec='{"n":2}', traceparent="00-second"
    ).steps
    assert (reopened.state, reopened.generation, reopened.joined) == (State.QUEUED, 2, False)
    fresh = bench.read("k")
    assert (fresh.digest, fresh.summary, fresh.attempt, fresh.begun_ms, fresh.ended_ms) == ("", "", 0, 0, 0)
    assert (bench.field("k", "ad"), bench.field("k", "al")) == (None, None)
    (message,) = bench.take().messages
    assert (message.job, message.traceparent) == ("j2", "00-second")
    (claim,) = bench.claim("k")
    assert (claim.spec, claim.attempt) == ('{"n":2}', 1)


def test_the_holder_of_an_earlier_generation_is_fenced(bench: Bench) -> None:
    """Once a step is reopened, nothing settled under its old token counts, claimed again or not."""
    (old,) = bench.hold("k")
    bench.settle(c.done("k", old, DIGEST, ""))
    bench.submit("k", call="c2", lost=DIGEST, take=1)
    assert bench.settle(c.done("k", old, "a" * 64, "")) == (Verdict.FENCED,)
    bench.claim("k")
    assert bench.settle(c.done("k", old, "a" * 64, "")) == (Verdict.FENCED,)
    assert bench.state("k") is State.RUNNING


def test_another_lost_digest_reopens_nothing(bench: Bench) -> None:
    """`lost` speaks of one outcome: when a newer one stands, that is the answer."""
    bench.finish("k", digest="b" * 64)
    assert bench.submit("k", call="c2", lost="a" * 64).steps[0].digest == "b" * 64


def test_an_idle_stage_submits_and_takes_in_one_call(bench: Bench) -> None:
    """`take` chooses messages in the same breath; without it nothing is sent."""
    bench.worker()
    assert bench.submit("a").taken.messages == ()
    (message,) = bench.submit("b", take=1).taken.messages
    assert message.steps == ("a", "b")


def test_submit_tells_when_something_is_due(bench: Bench) -> None:
    """The next due time counts from now: here the call's own lease, then the dispatch."""
    assert bench.submit("k").taken.next_due_ms == LIMITS.call_lease_ms
    bench.worker()
    assert bench.submit("k", take=1).taken.next_due_ms == LIMITS.dispatch_ms


def test_steps_of_one_list_may_differ(bench: Bench) -> None:
    """Engines, costs and specs are each step's own."""
    steps = [Step("a", "1", 5, ENGINE), Step("b", "2", 900, "other@1"), Step("x", "3", 1)]
    bench.run(c.submit("c1", "t", "j", steps))
    assert [bench.field(k, "c") for k in ("a", "b", "x")] == ["5", "900", "1"]
    assert [bench.field(k, "f") for k in ("a", "b", "x")] == [ENGINE, "other@1", ""]


def test_a_step_costs_something(bench: Bench) -> None:
    """A predicted cost below 1 ms counts as 1, so that no lane is free and endless."""
    bench.submit("k", cost=0)
    assert bench.field("k", "c") == "1"
