"""What a thousand steps weigh in Valkey."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.ledger import commands as c

from .bench import DIGEST, Bench
from .own_valkey import own_valkey

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 4_000
LIST = 100
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
CALL = "f" * 32
# Valkey keeps a hash compact while no value is longer than this; its own default is 64.
COMPACT = ("--hash-max-listpack-value", "2048")


def keys(name: str, count: int) -> list[str]:
    """Make keys as they are in truth."""
    return [hashlib.sha256(f"{name}{i}".encode()).hexdigest()[:40] for i in range(count)]


def megabytes(bench: Bench) -> float:
    """Read what Valkey uses."""
    return int(bench.client.info("memory")["used_memory"]) / 1e6


def lists(names: list[str]) -> list[list[str]]:
    """Cut into lists as long as a stream's."""
    return [names[at : at + LIST] for at in range(0, len(names), LIST)]


def begin(bench: Bench, names: list[str], spec_bytes: int) -> None:
    """Submit and send."""
    for part in lists(names):
        bench.submit(
            *part,
            call=CALL,
            job="jobs/" + "c" * 32,
            take=64,
            spec="x" * spec_bytes,
            traceparent=TRACE,
        )


def end(bench: Bench, names: list[str], summary_bytes: int) -> None:
    """Claim, commit, and drop the call."""
    for part in lists(names):
        claims = bench.claim(*part, message="1732290000000-1234", worker="host.example/1234")
        bench.settle(*(c.done(x.key, x.token, DIGEST, "y" * summary_bytes) for x in claims))
    bench.run(c.drop(CALL))


@dataclass(frozen=True)
class Case:
    """A server's options, the bytes of a step's values, and what 1,000 steps may weigh (MB)."""

    options: tuple[str, ...]
    spec_bytes: int
    summary_bytes: int
    under_way_max: float
    ended_max: float


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case((), 300, 60, 2.0, 1.0), id="small outcomes"),
        pytest.param(Case(COMPACT, 300, 200, 1.2, 1.0), id="compact hashes"),
        pytest.param(Case(COMPACT, 300, 1024, 1.2, 1.8), id="the largest summaries"),
    ],
)
def test_a_thousand_steps_weigh_about_a_megabyte_at_most(tmp_path: Path, case: Case) -> None:
    """After a whole life a step is its outcome; under way it is a little more, for its spec."""
    with own_valkey(tmp_path, *case.options) as server:
        bench = Bench(server.url, "extract")
        bench.worker(slots=10_000)
        warm = keys("warm", LIST)
        begin(bench, warm, case.spec_bytes)
        end(bench, warm, case.summary_bytes)
        before = megabytes(bench)
        names = keys("k", STEPS)
        begin(bench, names, case.spec_bytes)
        under_way = (megabytes(bench) - before) / STEPS * 1000
        end(bench, names, case.summary_bytes)
        ended = (megabytes(bench) - before) / STEPS * 1000
        bench.client.close()
    assert under_way < case.under_way_max, f"{under_way:.2f} MB for 1,000 steps under way"
    assert ended < case.ended_max, f"{ended:.2f} MB for 1,000 ended steps"
