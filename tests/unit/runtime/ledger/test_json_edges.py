"""What Lua's JSON makes hard: empty lists, large numbers, absent values and strange text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State, Step

from .bench import DIGEST

if TYPE_CHECKING:
    from .bench import Bench

TEXTS = {
    "quotes and newlines": 'a "b" \\ c\n\t\r',
    "nul and control": "a\x00b\x1f\x7f",
    "beyond the BMP": "\U0001f600 中 é \u2028",
    "almost JSON": '{"a":[]}',
    "lua pattern": "%d+ %1 %% |",
    "numbers": "1e400",
    "empty": "",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_comes_back_as_it_went_in(bench: Bench, text: str) -> None:
    """Spec, summary, children, messages and traces are bytes to the ledger."""
    bench.worker()
    bench.submit("k", take=1, spec=text, traceparent=text)
    (claim,) = bench.claim("k")
    assert (claim.spec, claim.traceparent) == (text, text)
    bench.settle(c.done("k", claim.token, DIGEST, text, text))
    step = bench.read("k")
    assert (step.summary, step.children, step.traceparent) == (text, text, text)
    (token,) = bench.hold("f")
    bench.settle(c.permanent("f", token, "ENCRYPTED", text))
    assert bench.read("f").message == text


def test_empty_collections_inside_a_spec_keep_their_kind(bench: Bench) -> None:
    """A spec is never decoded by the scripts, so [] stays [] and {} stays {}."""
    spec = json.dumps({"list": [], "map": {}, "null": None, "big": 2**60, "deep": [[[[]]]]})
    bench.worker()
    bench.submit("k", take=1, spec=spec)
    assert bench.claim("k")[0].spec == spec


def test_empty_lists_are_answers_too(bench: Bench) -> None:
    """Every transition takes an empty list and answers one."""
    assert bench.submit().steps == ()
    assert bench.take().messages == ()
    assert bench.claim() == ()
    assert bench.claim(engines=()) == ()
    assert bench.settle() == ()
    assert bench.run(c.renew([], "")) == ()
    assert bench.run(c.touch([])) == ()
    assert bench.run(c.read([])) == ()
    assert bench.run(c.replay([])) == ()
    assert bench.run(c.quarantine(0, 0)) == ((), 0)
    bench.run(c.abandon("m", []))
    bench.run(c.drop("c1", []))
    bench.run(c.beat("w1", 1, [], "{}"))


def test_tokens_and_times_keep_every_digit(bench: Bench) -> None:
    """A token of today's and of a distant day crosses Lua, JSON and Valkey exactly."""
    for year_ms in (1_800_000_000_000, 9_999_999_999_999):
        bench.clock.ms = year_ms
        key = str(year_ms)
        tokens = bench.hold(key, key + "b", call=key)
        assert tokens == [year_ms, year_ms + 1]
        bench.settle(c.done(key, tokens[0], DIGEST, ""))
        step = bench.read(key)
        assert (step.state, step.queued_ms, step.ended_ms) == (State.DONE, year_ms, year_ms)


def test_large_costs_are_counted_exactly(bench: Bench) -> None:
    """A month of predicted work is a number like any other."""
    month_ms = 31 * 24 * 3600 * 1000
    (token,) = bench.hold("k", cost=month_ms)
    assert bench.status().outstanding_ms == month_ms
    bench.settle(c.release("k", token))
    assert bench.take().messages[0].cost_ms == month_ms


def test_costs_are_whole_and_bounded(bench: Bench) -> None:
    """A prediction that is no whole number, or beyond all measure, is made one the store can count."""
    bench.run(c.submit("c1", "t", "j", [Step("half", "{}", 2.6), Step("vast", "{}", 10**30)]))  # type: ignore[arg-type] # what a careless predictor passes
    assert [bench.field(k, "c") for k in ("half", "vast")] == ["3", str(c.COST_MS_MAX)]
    bench.run(c.drop("c1"))
    assert bench.status().queued == 0


def test_thousands_of_steps_in_one_call(bench: Bench) -> None:
    """Lists as long as a stream message may bring do not meet a bound of Lua's stack."""
    keys = [f"k{i}" for i in range(2_000)]
    bench.worker(slots=512)
    assert len(bench.submit(*keys, take=8).steps) == 2_000
    claims = bench.claim(*keys)
    assert len(claims) == 2_000
    verdicts = bench.settle(*(c.done(x.key, x.token, DIGEST, "") for x in claims))
    assert len(verdicts) == 2_000
    assert {s.state for s in bench.run(c.read(keys))} == {State.DONE}


def test_names_of_workers_calls_and_engines_may_be_strange(bench: Bench) -> None:
    """Names are never patterns or paths to the scripts."""
    engine, name = "e|x%@1:2", "host/1:%s|'\""
    bench.worker(name, engines=(engine,))
    bench.submit("k", call=name, tenant=name, job=name, engine=engine, take=1)
    (claim,) = bench.claim("k", engines=(engine,), worker=name, message=name)
    bench.settle(c.done("k", claim.token, DIGEST, ""))
    assert bench.run(c.touch([name])) == ()
    bench.run(c.drop(name))
    bench.run(c.retire(name, (engine,)))
    assert bench.status().workers == 0
