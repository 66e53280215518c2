"""STATUS, READ, QUARANTINE and REPLAY: what the ledger tells of itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, StepState, Verdict

from .bench import DIGEST, LIMITS

if TYPE_CHECKING:
    from .bench import Bench

MINUTE_MS = 60_000


def crash_for_good(bench: Bench, key: str) -> None:
    """Drive a step into quarantine."""
    bench.worker()
    bench.submit(key, take=1)
    for _ in range(LIMITS.document_attempts):
        (claim,) = bench.claim(key)
        assert claim.verdict is Verdict.RUN
        bench.settle(c.crash(key, claim.token, "PARSER_CRASHED", "It died."))


def test_an_empty_stage_has_an_empty_status(bench: Bench) -> None:
    """Everything is nought but the time."""
    status = asdict(bench.status())
    assert status.pop("now_ms") == bench.clock.ms
    assert status.pop("worker_infos") == ()
    assert set(status.values()) == {0}


def test_status_counts_each_state(bench: Bench) -> None:
    """Steps are counted where they stand, outstanding cost with them."""
    tokens = bench.hold("run", "wait", "end", cost=7)
    bench.settle(
        c.transient("wait", tokens[1], "SOURCE_UNAVAILABLE", "m", 1000), c.done("end", tokens[2], DIGEST, "")
    )
    bench.submit("sent", take=1, cost=11)
    bench.submit("queued", engine="other@1", cost=13)
    status = bench.status()
    assert (status.queued, status.sent, status.running, status.retry_wait) == (1, 1, 1, 1)
    assert (status.outstanding_ms, status.due, status.done_last_minute) == (18, 3, 1)


def test_the_oldest_queued_step_is_dated(bench: Bench) -> None:
    """The queue's age is the first queued step's, over all lanes, and nought when the queue is empty."""
    first = bench.clock.ms
    bench.submit("a", job="j1")
    bench.later(100)
    bench.submit("b", job="j2")
    assert bench.status().oldest_queued_ms == first
    bench.run(c.drop("c1", ["a"]))
    assert bench.status().oldest_queued_ms == first + 100
    bench.worker()
    bench.taken_keys()
    assert bench.status().oldest_queued_ms == 0


def test_the_rate_is_of_the_last_minute(bench: Bench) -> None:
    """What ended before the last minute does not count, though nothing has ended since."""
    bench.finish("a", "b")
    bench.later_alive(MINUTE_MS // 2)
    assert bench.status().done_last_minute == 2
    bench.finish("x")
    assert bench.status().done_last_minute == 3
    bench.later(MINUTE_MS)
    assert bench.status().done_last_minute == 0


def test_the_rate_keeps_no_history(bench: Bench) -> None:
    """A day of work leaves a minute of buckets."""
    for i in range(30):
        bench.finish(f"k{i}")
        bench.later_alive(11_000)
    assert bench.client.hlen(f"{bench.ledger.name}:rate") <= 7


def test_a_wait_that_ended_otherwise_is_over(bench: Bench) -> None:
    """When the steps that waited for workers are dropped, nothing waits any more; the next wait is dated anew."""
    bench.submit("k", take=1)
    assert bench.status().no_workers_since_ms == bench.clock.ms
    bench.run(c.drop("c1"))
    assert bench.status().no_workers_since_ms == 0
    bench.later(500)
    bench.submit("k", call="c2", take=1)
    assert bench.status().no_workers_since_ms == bench.clock.ms


def test_read_answers_each_in_order(bench: Bench) -> None:
    """Whatever each step's state is; a step that is not there is MISSING."""
    bench.finish("done")
    bench.submit("queued")
    steps = bench.run(c.read(["queued", "absent", "done", "queued"]))
    assert [s.state for s in steps] == [State.QUEUED, State.MISSING, State.DONE, State.QUEUED]
    assert steps[1] == StepState("absent", State.MISSING)
    assert steps[0] == steps[3]
    assert bench.run(c.read([])) == ()


def test_read_shows_what_a_waiting_step_waits_for(bench: Bench) -> None:
    """A step to be tried again shows its last failure and its attempts."""
    (token,) = bench.hold("k")
    bench.settle(c.transient("k", token, "SOURCE_TIMEOUT", "No answer.", 1000))
    step = bench.read("k")
    assert (step.state, step.reason, step.message, step.attempt) == (
        State.RETRY_WAIT,
        "SOURCE_TIMEOUT",
        "No answer.",
        1,
    )


def test_reading_changes_nothing(bench: Bench) -> None:
    """READ and STATUS tell of nothing and renew nothing."""
    bench.hold("k")
    told, due = len(bench.events()), bench.client.zscore(f"{bench.ledger.name}:due", "k")
    bench.read("k")
    bench.status()
    assert (len(bench.events()), bench.client.zscore(f"{bench.ledger.name}:due", "k")) == (told, due)


def test_quarantine_lists_the_latest_first_by_pages(bench: Bench) -> None:
    """Pages of the list, with the total."""
    for i in range(5):
        crash_for_good(bench, f"k{i}")
        bench.later(1)
    listed, total = bench.run(c.quarantine(1, 2))
    assert ([q.step.key for q in listed], total) == (["k3", "k2"], 5)
    assert (listed[0].job, listed[0].document_attempts, listed[0].infrastructure_attempts) == ("j", 2, 0)
    assert bench.run(c.quarantine(9, 5)) == ((), 5)


def test_replay_forgets_and_the_next_submit_runs(bench: Bench) -> None:
    """Only what was in quarantine is replayed; its charges start anew."""
    crash_for_good(bench, "k")
    bench.finish("fine")
    assert bench.run(c.replay(["k", "fine", "absent"])) == ("k",)
    assert [bench.state(k) for k in ("k", "fine")] == [State.MISSING, State.DONE]
    assert bench.run(c.quarantine(0, 9)) == ((), 0)
    bench.worker()
    bench.submit("k", take=1)
    (claim,) = bench.claim("k")
    assert bench.settle(c.crash("k", claim.token, "PARSER_CRASHED", "m")) == (Verdict.REQUEUED,)
    assert bench.run(c.replay([])) == ()


def test_who_held_a_replayed_step_is_fenced(bench: Bench) -> None:
    """A token from before the replay is worth nothing after it."""
    crash_for_good(bench, "k")
    old = int(bench.field("k", "t") or 0)
    bench.run(c.replay(["k"]))
    (new,) = bench.hold("k", call="c2")
    assert new != old
    assert bench.settle(c.done("k", old, DIGEST, "")) == (Verdict.FENCED,)


def test_a_step_made_anew_is_no_longer_given_up_on(bench: Bench) -> None:
    """When its history has expired, a step that is submitted again leaves the list."""
    crash_for_good(bench, "k")
    bench.client.delete(f"{bench.ledger.name}:step:k")
    (token,) = bench.hold("k")
    bench.settle(c.permanent("k", token, "ENCRYPTED", "m"))
    assert bench.status().quarantined == 0
    bench.later(LIMITS.failure_ttl_ms + 1)
    assert bench.submit("k").steps[0].state is State.QUEUED


def test_the_list_forgets_what_the_ledger_forgot(bench: Bench) -> None:
    """A step past its time to live leaves the list, whether somebody reads it or not."""
    crash_for_good(bench, "read")
    bench.client.delete(f"{bench.ledger.name}:step:read")
    assert bench.run(c.quarantine(0, 9)) == ((), 0)
    crash_for_good(bench, "unread")
    crash_for_good(bench, "kept")
    bench.client.delete(f"{bench.ledger.name}:step:unread")
    bench.later(LIMITS.step_ttl_ms)
    bench.expire()
    assert bench.status().quarantined == 1
