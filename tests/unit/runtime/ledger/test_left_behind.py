"""What a life leaves behind: outcomes with an end, and no keys that grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import Verdict

from .bench import DIGEST, ENGINE, LIMITS

if TYPE_CHECKING:
    from .bench import Bench

# One of each, however much was done: tallies, the event stream, the workers' announcements.
STANDING = {"counts", "totals", "rate", "events", "beats", "slots", "workers", f"engine:{ENGINE}"}


def left(bench: Bench) -> set[str]:
    """List the keys beyond those that always stand."""
    return bench.keys_left() - STANDING


def test_whole_lives_leave_their_outcomes_alone(bench: Bench) -> None:
    """After every step ended and every call too, there are the step hashes, and each has its end."""
    keys = [f"k{i}" for i in range(50)]
    for call in ("c1", "c2"):
        bench.finish(*keys[:25], call=call, tenant="t1")
        bench.finish(*keys[25:], call=call, tenant="t2", job="j2")
        bench.run(c.drop(call))
    assert left(bench) == {f"step:{key}" for key in keys}
    assert all(bench.client.pttl(f"{bench.ledger.name}:step:{key}") > 0 for key in keys)
    counts = bench.client.hgetall(f"{bench.ledger.name}:counts")
    assert set(counts.values()) <= {b"0"}


@pytest.mark.parametrize("workers", [True, False])
def test_dropped_work_leaves_nothing(bench: Bench, workers: bool) -> None:
    """Queued work whose call ends goes with its lane and its tenant, workers or none."""
    if workers:
        bench.worker()
    for i in range(20):
        bench.submit(f"k{i}", call=f"c{i}", tenant=f"t{i % 3}", job=f"j{i}", engine=f"e@{i % 2}")
    for i in range(20):
        bench.run(c.drop(f"c{i}"))
    assert left(bench) == set()


def test_lapsed_calls_leave_nothing(bench: Bench) -> None:
    """A server that died leaves no interest, lane or timer behind it."""
    bench.worker()
    bench.submit("sent", take=1)
    bench.submit("queued", "held", call="c2")
    bench.claim("held")
    bench.later(LIMITS.call_lease_ms + LIMITS.dispatch_ms)
    bench.expire()
    assert left(bench) == set()


def test_work_that_strayed_leaves_nothing_more(bench: Bench) -> None:
    """Claims ahead of their message, redispatches and late commits leave no key in a lane."""
    for _ in range(5):
        (token,) = bench.hold("k", "other")[:1]
        bench.later_alive(LIMITS.lease_ms)
        bench.run(c.expire(messages_max=0))
        assert bench.verdict_of_claim("k") is Verdict.RUN
        bench.settle(c.done("k", int(bench.field("k", "t") or 0), DIGEST, ""))
        bench.settle(c.done("other", int(bench.field("other", "t") or 0), DIGEST, ""))
        bench.run(c.drop("c1"))
        assert left(bench) == {"step:k", "step:other"}
        bench.client.delete(f"{bench.ledger.name}:step:k", f"{bench.ledger.name}:step:other")
        assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.FENCED,)


def test_failures_leave_their_outcomes_alone(bench: Bench) -> None:
    """A permanent failure is a step hash; a quarantined one also a line in the list."""
    a, b = bench.hold("a", "b")
    bench.settle(c.permanent("a", a, "ENCRYPTED", "m"), c.crash("b", b, "PARSER_CRASHED", "m"))
    (again,) = bench.claim("b")
    bench.settle(c.crash("b", again.token, "PARSER_CRASHED", "m"))
    bench.run(c.drop("c1"))
    assert left(bench) == {"step:a", "step:b", "quarantine"}


def test_a_worker_that_left_leaves_nothing(bench: Bench) -> None:
    """RETIRE removes the worker's whole announcement."""
    bench.worker(engines=(ENGINE, "f@2"))
    bench.run(c.retire("w1", (ENGINE, "f@2")))
    assert bench.keys_left() == {"events"}


def test_every_key_lies_in_one_slot(bench: Bench) -> None:
    """The ledger's name is the hash tag, whatever braces or spaces a tenant or a worker has in its own."""
    bench.worker("w{1}", engines=("e{x}",))
    bench.submit("k", call="c{a}", tenant="t{b}", job="j {c}", engine="e{x}")
    assert bench.take().messages[0].tenant == "t{b}"
    bench.submit("k{2}", call="c{a}", tenant="t{b}", job="j {c}", engine="none")
    tag = bench.ledger.name.encode()
    assert tag.startswith(b"{")
    assert tag.endswith(b"}")
    names = list(bench.client.scan_iter("*" + tag.decode().strip("{}") + "*", count=1000))
    assert len(names) >= 10
    assert all(name.startswith(tag + b":") for name in names)


def test_the_event_stream_is_ten_minutes_long(bench: Bench) -> None:
    """Old events go as new ones come; the stream is cut in Valkey's own blocks of about a hundred."""
    import time

    for i in range(300):
        bench.run(c.retire(f"w{i}", []))
    assert bench.client.xlen(bench.ledger.event_stream) == 300
    bench.clock.ms = time.time_ns() // 1_000_000 + 2 * LIMITS.event_ttl_ms
    bench.run(c.retire("w", []))
    assert bench.client.xlen(bench.ledger.event_stream) <= 200
