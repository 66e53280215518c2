"""TAKE: who goes next, in what company, and how much is handed out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.ledger.records import State

from .bench import DIGEST, ENGINE, LIMITS, Bench


def test_a_taken_step_is_sent_and_due(bench: Bench) -> None:
    """TAKE makes a step SENT, counts its cost as outstanding and sets its redispatch at D."""
    bench.worker()
    bench.submit("k", cost=30)
    (message,) = bench.take().messages
    assert (message.tenant, message.job, message.engine) == ("t", "j", ENGINE)
    assert (message.steps, message.cost_ms) == (("k",), 30)
    status = bench.status()
    assert (status.queued, status.sent, status.outstanding_ms, status.due) == (0, 1, 30, 1)
    assert bench.client.zscore(f"{bench.ledger.name}:due", "k") == bench.clock.ms + LIMITS.dispatch_ms


def test_messages_have_names_of_their_own(bench: Bench) -> None:
    """No two messages share an id, even in the same millisecond."""
    bench.worker()
    bench.submit(*(f"k{i}" for i in range(10)), cost=200)
    names = [m.message for m in bench.take().messages]
    assert len(set(names)) == len(names) == 10


def test_a_message_goes_under_its_first_steps_trace(bench: Bench) -> None:
    """The message carries the first step's traceparent."""
    bench.worker()
    bench.submit("a", traceparent="00-a")
    bench.submit("b", traceparent="00-b")
    assert bench.take().messages[0].traceparent == "00-a"


def test_no_more_messages_than_asked_for(bench: Bench) -> None:
    """messages_max bounds one call; the rest stays for the next."""
    bench.worker()
    bench.submit(*(f"k{i}" for i in range(5)), cost=150)
    assert [len(bench.take(2).messages) for _ in range(3)] == [2, 2, 1]


def test_a_worker_that_stopped_beating_gets_nothing(bench: Bench) -> None:
    """Only workers heard of within worker_ttl count."""
    bench.worker()
    bench.submit("k")
    bench.later(LIMITS.worker_ttl_ms + 1)
    assert bench.taken_keys() == []
    assert bench.status().no_workers_since_ms == bench.clock.ms


def test_only_announced_engines_are_served(bench: Bench) -> None:
    """A lane whose engine no live worker runs waits, and holds nobody else up."""
    bench.worker(engines=("other@1",))
    bench.submit("a")
    bench.submit("b", engine="other@1")
    assert bench.taken_keys() == ["b"]
    assert bench.status().no_workers_since_ms == bench.clock.ms


def test_the_wait_for_workers_dates_from_its_start(bench: Bench) -> None:
    """What other engines do meanwhile does not reset it; its end clears it."""
    bench.worker(engines=("other@1",))
    bench.submit("a")
    bench.take()
    since = bench.clock.ms
    bench.later(500)
    bench.submit("b", engine="other@1")
    assert bench.taken_keys() == ["b"]
    bench.take()
    assert bench.status().no_workers_since_ms == since
    bench.worker("w2")
    assert bench.taken_keys() == ["a"]
    assert bench.status().no_workers_since_ms == 0


def test_the_wait_for_workers_ends_while_others_wait_for_something_else(bench: Bench) -> None:
    """NO_WORKERS is over once every lane has its worker, though a part is still held back."""
    bench.worker(slots=1, engines=("other@1",))
    bench.submit("busy", engine="other@1", cost=2 * LIMITS.hungry_ms, take=1)
    bench.submit("a", cost=LIMITS.target_ms)
    bench.submit("part", engine="other@1")
    bench.take()
    assert bench.status().no_workers_since_ms == bench.clock.ms
    bench.worker("w2", slots=1)
    assert bench.taken_keys() == ["a"]
    status = bench.status()
    assert (status.queued, status.no_workers_since_ms) == (1, 0)


def test_a_step_without_an_engine_goes_to_any_worker(bench: Bench) -> None:
    """The empty fingerprint runs anywhere."""
    bench.worker(engines=("other@1",))
    bench.submit("k", engine="")
    (message,) = bench.take().messages
    assert (message.engine, message.steps) == ("", ("k",))
    assert bench.claim("k", engines=("other@1",))[0].spec == "{}"


def test_a_message_never_mixes_jobs_engines_or_tenants(bench: Bench) -> None:
    """Each message is one tenant's, one job's, for one engine."""
    bench.worker(engines=(ENGINE, "f@2"))
    bench.submit("a1", "a2", job="a")
    bench.submit("b1", job="b")
    bench.submit("f1", job="a", engine="f@2")
    bench.submit("u1", job="a", tenant="u")
    messages = bench.take().messages
    assert {(m.tenant, m.job, m.engine, m.steps) for m in messages} == {
        ("t", "a", ENGINE, ("a1", "a2")),
        ("t", "b", ENGINE, ("b1",)),
        ("t", "a", "f@2", ("f1",)),
        ("u", "a", ENGINE, ("u1",)),
    }


@pytest.mark.parametrize(("one", "other"), [(("a|b", "c"), ("a", "b|c")), (("a%7C", "b"), ("a|", "b"))])
def test_names_with_bars_are_kept_apart(bench: Bench, one: tuple[str, str], other: tuple[str, str]) -> None:
    """A tenant or job whose name holds the separator shares no lane with another."""
    bench.worker(engines=("e|@1",))
    bench.submit("x", tenant=one[0], job=one[1], engine="e|@1")
    bench.submit("y", tenant=other[0], job=other[1], engine="e|@1")
    messages = bench.take().messages
    assert {(m.tenant, m.job, m.engine, m.steps) for m in messages} == {
        (*one, "e|@1", ("x",)),
        (*other, "e|@1", ("y",)),
    }


def test_a_step_that_came_back_for_another_job_goes_with_that_job(bench: Bench) -> None:
    """A dropped step's place in its old job's lane does not carry it into that job's message."""
    bench.submit("k", "stays", job="old")
    bench.run(c.drop("c1", ["k"]))
    bench.submit("k", call="c2", job="new")
    bench.worker()
    assert {(m.job, m.steps) for m in bench.take().messages} == {("old", ("stays",)), ("new", ("k",))}


def test_tenants_and_their_jobs_take_turns(bench: Bench) -> None:
    """Round robin over tenants first, so that a tenant with many jobs gets no more than another."""
    bench.worker(slots=8)
    for job in ("j1", "j2"):
        bench.submit(*(f"t-{job}-{i}" for i in range(4)), job=job, cost=150)
    bench.submit(*(f"u-{i}" for i in range(4)), tenant="u", cost=150)
    order = [(m.tenant, m.job) for m in bench.take(8).messages]
    assert order == [("t", "j1"), ("u", "j"), ("t", "j2"), ("u", "j")] * 2


def test_turns_go_on_from_call_to_call(bench: Bench) -> None:
    """Whoever went last waits, also when each call takes one message."""
    bench.worker(slots=8)
    for tenant in ("t", "u"):
        bench.submit(*(f"{tenant}{i}" for i in range(3)), tenant=tenant, cost=150)
    assert [bench.take(1).messages[0].tenant for _ in range(6)] == ["t", "u"] * 3


def test_a_small_job_is_not_held_back_by_a_big_one(bench: Bench) -> None:
    """A part of a message goes out once it has waited as long as a full message takes, whoever is ahead."""
    bench.worker(slots=1)
    bench.submit(*(f"big{i}" for i in range(300)), cost=90, take=64)
    bench.submit("small", call="c2", job="small")
    assert bench.taken_keys() == []
    bench.later(LIMITS.target_ms)
    sent = []
    for key in ("big0", "big1"):
        (held,) = bench.claim(key)
        bench.settle(c.done(key, held.token, DIGEST, ""))
        sent += bench.taken_keys()
    assert sent[:2] == ["big23", "small"]


def test_a_full_message_does_not_wait(bench: Bench) -> None:
    """A lane with a message's worth of work is sent while there is room, hungry or not."""
    bench.worker(slots=1)
    bench.submit("first", cost=LIMITS.hungry_ms, take=1)
    bench.submit("part", cost=10, job="part")
    bench.submit(*(f"k{i}" for i in range(11)), cost=10, job="full")
    assert {m.job for m in bench.take().messages} == {"full"}


def test_many_tiny_steps_make_a_full_message(valkey_url: str, stage_name: str) -> None:
    """message_steps_max steps are a full message, however little they cost."""
    bench = Bench(valkey_url, stage_name, replace(LIMITS, target_ms=1_000, message_steps_max=4))
    bench.worker(slots=1)
    bench.submit("first", cost=LIMITS.hungry_ms, take=1)
    bench.submit("a", "b", "x", cost=1, job="full")
    assert bench.take().messages == ()
    bench.submit("y", cost=1, job="full")
    (message,) = bench.take().messages
    assert message.steps == ("a", "b", "x", "y")


def test_a_message_holds_about_its_target(bench: Bench) -> None:
    """A long lane's messages carry up to target_ms of predicted work."""
    bench.worker(slots=8)
    bench.submit(*(f"k{i}" for i in range(200)), cost=30)
    costs = [m.cost_ms for m in bench.take(4).messages]
    assert costs == [90, 90, 90, 90]


def test_what_is_left_is_shared_by_the_slots(bench: Bench) -> None:
    """A lane that could fill few messages is cut finer, two a slot and more, so that all slots finish together."""
    bench.worker(slots=4)
    bench.submit(*(f"k{i}" for i in range(40)), cost=10)
    costs = [m.cost_ms for m in bench.take().messages]
    assert (costs[0], max(costs)) == (50, 50)
    assert len(costs) > 8
    bench.later(LIMITS.target_ms)
    assert sum(costs) + sum(m.cost_ms for m in bench.take().messages) == 400


def test_a_step_larger_than_a_message_goes_alone(bench: Bench) -> None:
    """A big step is a message of its own; small ones do not ride with it."""
    bench.worker(slots=16)
    bench.submit("big", cost=10 * LIMITS.target_ms)
    bench.submit("s1", "s2")
    assert bench.take().messages[0].steps == ("big",)
    bench.later(LIMITS.target_ms)
    assert [m.steps for m in bench.take().messages] == [("s1", "s2")]


def test_a_lane_that_has_sent_much_gathers_a_part(bench: Bench) -> None:
    """Hungry workers get a sixteenth of what its lane has sent, or what has waited long enough; TAKE says when."""
    bench.worker(slots=16)
    bench.submit(*(f"k{i}" for i in range(8)), cost=100, take=64)
    bench.submit(*(f"part{i}" for i in range(4)), cost=10)
    held = bench.take()
    assert (held.messages, held.next_due_ms) == ((), LIMITS.target_ms)
    bench.later(LIMITS.target_ms - 1)
    assert bench.take().next_due_ms == 1
    bench.submit("more", cost=10)
    (message,) = bench.take().messages
    assert message.steps == ("part0", "part1", "part2", "part3", "more")
    bench.submit("late", cost=1)
    assert bench.taken_keys() == []
    bench.later(LIMITS.target_ms)
    assert bench.taken_keys() == ["late"]


def test_what_a_lane_has_sent_is_forgotten(bench: Bench) -> None:
    """After a while without work its first part goes at once again; other jobs' always did."""
    bench.worker(slots=16)
    bench.submit(*(f"k{i}" for i in range(8)), cost=100, take=64)
    bench.submit("other", job="other")
    assert bench.taken_keys() == ["other"]
    bench.later(LIMITS.worker_ttl_ms + 1)
    bench.worker(slots=16)
    bench.submit("part")
    assert bench.taken_keys() == ["part"]


def test_the_window_fills_and_says_since_when(bench: Bench) -> None:
    """A full window sends nothing and is dated from its start; room clears the date."""
    bench.worker(slots=1)
    bench.submit(*(f"k{i}" for i in range(3)), cost=LIMITS.window_ms, take=8)
    since = bench.clock.ms
    bench.later(10)
    assert bench.take().messages == ()
    status = bench.status()
    assert (status.window_full_since_ms, status.sent, status.queued) == (since, 1, 2)
    (held,) = bench.claim("k0")
    bench.settle(c.done("k0", held.token, DIGEST, ""))
    bench.take()
    assert bench.status().window_full_since_ms == bench.clock.ms


def test_a_full_window_with_nothing_waiting_is_not_a_wait(bench: Bench) -> None:
    """WINDOW_FULL is a reason to wait, so it needs somebody who waits."""
    bench.worker(slots=1)
    bench.submit("k", cost=10 * LIMITS.window_ms, take=4)
    bench.take()
    assert bench.status().window_full_since_ms == 0


def test_the_window_grows_with_the_slots(bench: Bench) -> None:
    """What may be outstanding is counted a live slot."""
    bench.worker(slots=1)
    bench.submit(*(f"k{i}" for i in range(8)), cost=LIMITS.window_ms)
    assert len(bench.take().messages) == 1
    bench.worker("w2", slots=2)
    assert len(bench.take().messages) == 2


def test_the_window_stays_below_half_of_the_dispatch() -> None:
    """Or steps would be sent again while they wait their turn."""
    for lease_s, dispatch_s in ((4, 4), (30, 60), (0.1, 0.01)):
        limits = Limits.for_leases(lease_s, dispatch_s)
        assert limits.window_ms < limits.dispatch_ms / 2 or limits.window_ms == 1


def test_a_step_larger_than_the_window_is_admitted(bench: Bench) -> None:
    """When nothing is outstanding one step always goes, however large."""
    bench.worker(slots=1)
    bench.submit("huge", cost=100 * LIMITS.window_ms)
    assert bench.taken_keys() == ["huge"]


def test_a_message_does_not_reach_past_the_window(bench: Bench) -> None:
    """Beyond its first step a message takes only what the window has room for."""
    bench.worker(slots=1)
    bench.submit("first", cost=LIMITS.window_ms - 50, take=1)
    bench.submit(*(f"k{i}" for i in range(100)), cost=20, job="k")
    messages = bench.take().messages
    assert [m.cost_ms for m in messages] == [40, 20]


def test_unwanted_steps_are_cleared_away_not_sent(bench: Bench) -> None:
    """A step whose only call lapsed is removed where it stands."""
    bench.submit("lapsed", call="gone")
    bench.later(LIMITS.call_lease_ms - 1)
    bench.submit("wanted", call="here")
    bench.later(1)
    bench.worker()
    assert bench.taken_keys() == ["wanted"]
    assert bench.state("lapsed") is State.MISSING


def test_one_take_clears_away_a_bounded_number(bench: Bench) -> None:
    """Very many unwanted steps do not hold the store: the call answers "at once" and is made again."""
    keys = [f"k{i}" for i in range(2_500)]
    bench.submit(*keys, call="gone")
    bench.later(LIMITS.call_lease_ms)
    bench.submit("wanted", call="here")
    bench.worker()
    first = bench.take()
    assert (first.messages, first.next_due_ms) == ((), 0)
    assert bench.status().queued == 501
    second = bench.take()
    assert [m.steps for m in second.messages] == [("wanted",)]


def test_one_take_passes_over_a_bounded_number(bench: Bench) -> None:
    """Very many places of steps that went otherwise are cleared in parts too, without losing who is left."""
    keys = [f"k{i}" for i in range(2_500)]
    bench.submit(*keys, "wanted")
    bench.run(c.drop("c1", keys))
    bench.worker()
    first = bench.take()
    assert (first.messages, first.next_due_ms) == ((), 0)
    assert bench.taken_keys() == ["wanted"]


def test_a_part_waits_behind_a_place_that_is_empty(bench: Bench) -> None:
    """A lane whose first step was dropped is still looked at when workers are busy."""
    bench.worker(slots=1)
    bench.submit("busy", cost=LIMITS.hungry_ms, take=1)
    bench.submit("gone", "here", job="part")
    bench.run(c.drop("c1", ["gone"]))
    assert bench.taken_keys() == ["here"]


def test_a_step_to_run_alone_gets_no_company(bench: Bench) -> None:
    """After a crash a step is sent by itself, and the rest of its lane in other messages."""
    bench.worker()
    bench.submit("a", "b", "x", take=4)
    held = bench.claim("a", "b", "x")
    bench.settle(
        c.release("a", held[0].token),
        c.crash("b", held[1].token, "PARSER_CRASHED", "It died."),
        c.release("x", held[2].token),
    )
    assert sorted(m.steps for m in bench.take().messages) == [("a",), ("b",), ("x",)]


def test_nothing_queued_costs_nothing(bench: Bench) -> None:
    """TAKE on an empty stage answers at once, with workers or without."""
    assert bench.take().messages == ()
    assert bench.take().next_due_ms is None
    bench.worker()
    assert bench.take().messages == ()
    assert bench.status().no_workers_since_ms == 0
