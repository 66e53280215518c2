"""What lies in Valkey, read key by key, and what must hold between the keys whatever happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collatio.runtime.ledger.records import State

if TYPE_CHECKING:
    from collatio.runtime.ledger.limits import Limits

    from .bench import Bench
    from .model import Model

STANDING = {"counts", "totals", "rate", "events", "beats", "slots", "workers"}
TIMED = {"SENT", "RUNNING", "RETRY_WAIT"}


@dataclass
class Store:
    """Every key of a ledger, by kind."""

    names: set[str]
    steps: dict[str, dict[str, str]]
    ttl: dict[str, int]
    want: dict[str, set[str]]
    call: dict[str, set[str]]
    ready: dict[str, list[str]]
    lanes: dict[str, list[str]]
    tenants: list[str]
    lanecost: dict[str, int]
    due: dict[str, int]
    calls: dict[str, int]
    counts: dict[str, int]
    quarantine: set[str]


def read(bench: Bench) -> Store:
    """Read the whole store; its database holds nothing else."""
    prefix = len(bench.ledger.name) + 1
    names = sorted(key.decode()[prefix:] for key in bench.client.keys("*"))
    by_kind: dict[str, list[str]] = {}
    for name in names:
        kind, _, rest = name.partition(":")
        by_kind.setdefault(kind, []).append(rest)
    pipe = bench.client.pipeline(transaction=False)

    def each(kind: str, command: str, *args: Any) -> list[str]:
        members = by_kind.get(kind, [])
        for member in members:
            getattr(pipe, command)(f"{bench.ledger.name}:{kind}:{member}", *args)
        return members

    plan = [
        each("step", "hgetall"),
        each("step", "pttl"),
        each("want", "smembers"),
        each("call", "smembers"),
        each("ready", "lrange", 0, -1),
        each("lanes", "lrange", 0, -1),
    ]
    name = bench.ledger.name
    pipe.lrange(f"{name}:tenants", 0, -1).hgetall(f"{name}:lanecost")
    pipe.zrange(f"{name}:due", 0, -1, withscores=True).zrange(f"{name}:calls", 0, -1, withscores=True)
    pipe.hgetall(f"{name}:counts").zrange(f"{name}:quarantine", 0, -1)
    answers = [_text(answer) for answer in pipe.execute()]
    parts = []
    for members in plan:
        parts.append(dict(zip(members, answers[: len(members)], strict=True)))
        answers = answers[len(members) :]
    steps, ttl, want, call, ready, lanes = parts
    tenants, lanecost, due, calls, counts, quarantine = answers
    return Store(
        names=set(names),
        steps=steps,
        ttl=ttl,
        want={k: set(v) for k, v in want.items()},
        call={k: set(v) for k, v in call.items()},
        ready=ready,
        lanes=lanes,
        tenants=tenants,
        lanecost={k: int(v) for k, v in lanecost.items()},
        due={k: int(v) for k, v in due},
        calls={k: int(v) for k, v in calls},
        counts={k: int(v) for k, v in counts.items()},
        quarantine=set(quarantine),
    )


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {_text(k): _text(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_text(v) for v in value]
    if isinstance(value, set):
        return {_text(v) for v in value}
    return value


def check(store: Store, limits: Limits) -> None:
    """Assert what must hold between the keys."""
    _counters(store)
    _timers(store)
    _lanes(store)
    _interest(store)
    for key, step in store.steps.items():
        terminal = State(step["s"]).terminal
        assert (store.ttl[key] > 0) is terminal, "an outcome without an end, or work with one"
        assert int(step.get("ai", 0)) <= limits.infrastructure_attempts
        assert int(step.get("ad", 0)) <= limits.document_attempts
        assert int(step.get("at", 0)) <= limits.transient_attempts
    strays = {n for n in store.names if ":" not in n} - STANDING
    assert strays <= {"due", "calls", "tenants", "lanecost", "quarantine"}, strays


def _counters(store: Store) -> None:
    states = Counter(step["s"] for step in store.steps.values())
    out = sum(int(s["c"]) for s in store.steps.values() if s["s"] in {"SENT", "RUNNING"})
    for state in ("QUEUED", "SENT", "RUNNING", "RETRY_WAIT"):
        assert store.counts.get(state, 0) == states[state], (state, store.counts, states)
    assert store.counts.get("out", 0) == out


def _timers(store: Store) -> None:
    assert set(store.due) == {key for key, step in store.steps.items() if step["s"] in TIMED}


def _lanes(store: Store) -> None:
    costs: Counter[str] = Counter()
    tenants: dict[str, set[str]] = {}
    for key, step in store.steps.items():
        if step["s"] == "QUEUED":
            lane = f"{step['j']}|{step['f']}"
            costs[f"{step['n']}|{lane}"] += int(step["c"])
            tenants.setdefault(step["n"], set()).add(lane)
            assert key in store.ready[f"{step['n']}|{lane}"], "a queued step that no lane holds"
    assert store.lanecost == dict(costs)
    assert set(store.ready) <= set(costs)
    assert {tenant: sorted(lanes) for tenant, lanes in tenants.items()} == {
        tenant: sorted(lanes) for tenant, lanes in store.lanes.items()
    }
    assert sorted(store.tenants) == sorted(tenants)


def _interest(store: Store) -> None:
    pairs = {(key, call) for key, calls in store.want.items() for call in calls}
    assert pairs == {(key, call) for call, keys in store.call.items() for key in keys}
    for key, call in pairs:
        assert call in store.calls, "interest of a call that has no lease"
        assert not State(store.steps[key]["s"]).terminal, "interest in what has ended"


def compare(store: Store, model: Model) -> None:
    """Assert that the store is what the model says."""
    assert set(store.steps) == set(model.steps)
    for key, step in model.steps.items():
        there = store.steps[key]
        numbers = [int(there.get(name, 0)) for name in ("t", "g", "a", "ai", "ad", "at", "al", "hd")]
        assert (there["s"], numbers) == (
            str(step.state),
            [
                step.token,
                step.generation,
                step.attempts,
                step.to_infrastructure,
                step.to_document,
                step.to_passing_cause,
                int(step.alone),
                int(step.in_hand),
            ],
        ), key
        assert store.due.get(key) == step.due, key
        assert store.want.get(key, set()) == step.wanted_by, key
        assert there.get("d", "") == step.digest
    assert store.calls == model.calls
    assert store.quarantine == model.quarantine
