"""BEAT and RETIRE: which workers live, what they run, and who is woken by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.ledger import commands as c

from .bench import ENGINE, LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def kicks(bench: Bench, *beats: c.Command[None]) -> int:
    """Count the wake-ups that beats cause."""
    told = len(bench.events())
    for beat in beats:
        bench.run(beat)
    return len(bench.events()) - told


def test_a_new_worker_wakes_the_servers(bench: Bench) -> None:
    """The first beat tells that there is somewhere to send work; the next ones are silent."""
    beat = c.beat("w1", 2, [ENGINE], "{}")
    assert kicks(bench, beat) == 1
    assert kicks(bench, beat, beat) == 0


def test_a_worker_that_was_away_wakes_the_servers_again(bench: Bench) -> None:
    """After a gap in which it did not count, a beat tells that it does."""
    bench.worker()
    bench.submit("k")
    bench.later(LIMITS.worker_ttl_ms + 1)
    assert bench.taken_keys() == []
    assert kicks(bench, c.beat("w1", 2, [ENGINE], "{}")) == 1
    assert bench.taken_keys() == ["k"]


@pytest.mark.parametrize(
    ("slots", "engines", "woken"), [(3, [ENGINE], 1), (1, [ENGINE], 0), (2, [ENGINE, "f@2"], 1), (2, [], 0)]
)
def test_more_room_or_another_engine_wakes_the_servers(
    bench: Bench, slots: int, engines: list[str], woken: int
) -> None:
    """A pool that grew, or learned something, gives waiting work a place; one that shrank does not."""
    bench.worker(slots=2)
    assert kicks(bench, c.beat("w1", slots, engines, "{}")) == woken


def test_retire_takes_everything_back(bench: Bench) -> None:
    """A worker that leaves in order is gone at once, with its engines, and the others are told."""
    bench.worker("w1", slots=3, engines=(ENGINE, "f@2"))
    bench.worker("w2", slots=4, engines=(ENGINE,))
    told = len(bench.events())
    bench.run(c.retire("w1", [ENGINE, "f@2"]))
    assert len(bench.events()) == told + 1
    status = bench.status()
    assert (status.workers, status.slots) == (1, 4)
    bench.submit("a")
    bench.submit("b", engine="f@2")
    assert bench.taken_keys() == ["a"]


def test_retire_of_a_worker_nobody_knows_does_no_harm(bench: Bench) -> None:
    """Leaving twice is leaving once."""
    bench.run(c.retire("w1", [ENGINE]))
    assert bench.status().workers == 0


def test_the_last_beat_counts(bench: Bench) -> None:
    """Slots and info are the latest announced."""
    bench.worker(slots=2)
    bench.run(c.beat("w1", 5, [ENGINE], json.dumps({"pid": 7})))
    status = bench.status()
    assert (status.workers, status.slots, status.worker_infos) == (1, 5, ('{"pid": 7}',))


def test_the_dead_are_forgotten(bench: Bench) -> None:
    """A worker long silent leaves nothing behind once another beats."""
    bench.worker("old", engines=(ENGINE, "only-old@1"))
    bench.later(LIMITS.event_ttl_ms)
    bench.worker("new")
    for kind in ("slots", "workers"):
        assert bench.client.hkeys(f"{bench.ledger.name}:{kind}") == [b"new"]
    for kind in ("beats", f"engine:{ENGINE}"):
        assert bench.client.zrange(f"{bench.ledger.name}:{kind}", 0, -1) == [b"new"]


def test_an_engine_nobody_announces_any_more_is_forgotten(bench: Bench) -> None:
    """An old version's entry ends by itself, though no worker speaks of it again."""
    bench.worker(engines=("e@0",))
    assert 0 < bench.client.pttl(f"{bench.ledger.name}:engine:e@0") <= LIMITS.event_ttl_ms
