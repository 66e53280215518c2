#!/usr/bin/env python3
"""Measure what a step costs in the ledger, and print ratios.

usage: ledger_costs.py [--steps N] [--rounds N]

Takes steps through SUBMIT with TAKE, CLAIM and COMMIT against a Valkey of its own (append-only file on,
everysec), with lists of 1, 16 and 128 steps a call, rounds interleaved. Prints medians a step: wall, this
process' CPU, Valkey's CPU in microseconds, and each wall time over that at 128 of the same run. Wall times of
a shared machine vary; the ratios and the CPU times are what to compare.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import redis

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.ledger import Ledger
from collatio.runtime.ledger.limits import Limits
from collatio.runtime.ledger.records import Step
from tests.unit.runtime.ledger.own_valkey import own_valkey

SIZES = (1, 16, 128)
PHASES = ("submit", "claim", "commit")
SPEC = '{"digest":"' + "a" * 64 + '","media_type":"application/pdf","options":{}}'
SUMMARY = '{"pages":3}'
ENGINE = "pdf@1"


@dataclasses.dataclass(slots=True)
class Cost:
    """Microseconds a step: wall, this process' CPU, Valkey's CPU, and wall a phase."""

    wall: float
    client: float
    valkey: float
    phases: dict[str, float]


def valkey_cpu_s(client: redis.Redis) -> float:
    """Read the CPU seconds Valkey's main thread has used."""
    info = client.info("cpu")
    return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])


def measure(client: redis.Redis, size: int, steps: int) -> Cost:
    """Take `steps` steps through their lives, `size` a call, in a ledger of their own."""
    # A window that never fills and messages as long as a list: this measures the scripts, not the waiting.
    limits = dataclasses.replace(Limits(), window_ms=10**9, hungry_ms=10**9, target_ms=10**6)
    limits = dataclasses.replace(limits, message_ms_min=size * 5, message_steps_max=size)
    ledger = Ledger(client, f"bench-{uuid.uuid4().hex[:8]}", limits)
    phases = dict.fromkeys(PHASES, 0.0)
    valkey, cpu, wall = valkey_cpu_s(client), time.process_time(), time.perf_counter()
    ledger.run(c.beat("w1", 4, [ENGINE], "{}"))
    for at in range(0, steps, size):
        keys = [f"{at + i:040d}" for i in range(size)]
        marks = [time.perf_counter()]
        taken = ledger.run(c.submit("call", "t", "j", [Step(k, SPEC, 5, ENGINE) for k in keys], 1)).taken
        (message,) = taken.messages
        marks.append(time.perf_counter())
        claims = ledger.run(c.claim("w1", [ENGINE], message.message, message.steps))
        marks.append(time.perf_counter())
        ledger.run(c.settle([c.done(x.key, x.token, "d" * 64, SUMMARY) for x in claims]))
        marks.append(time.perf_counter())
        for phase, begun, ended in zip(PHASES, marks, marks[1:], strict=False):
            phases[phase] += ended - begun
    done = -(-steps // size) * size / 1e6
    return Cost(
        wall=(time.perf_counter() - wall) / done,
        client=(time.process_time() - cpu) / done,
        valkey=(valkey_cpu_s(client) - valkey) / done,
        phases={phase: seconds / done for phase, seconds in phases.items()},
    )


def median(costs: list[Cost]) -> Cost:
    """Take the median of each figure."""
    return Cost(
        statistics.median(x.wall for x in costs),
        statistics.median(x.client for x in costs),
        statistics.median(x.valkey for x in costs),
        {phase: statistics.median(x.phases[phase] for x in costs) for phase in PHASES},
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=2_048, help="steps a round and size")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    costs: dict[int, list[Cost]] = {size: [] for size in SIZES}
    with tempfile.TemporaryDirectory() as folder, own_valkey(Path(folder), "--appendonly", "yes") as server:
        client = redis.Redis.from_url(server.url)
        measure(client, 16, 256)
        for _ in range(asked.rounds):
            for size in SIZES:
                costs[size].append(measure(client, size, asked.steps))
        client.close()
    least = median(costs[SIZES[-1]])
    rows = [
        f"{'a call':>6} {'wall':>8} {'client':>8} {'valkey':>8} {'over 128':>9}   us a step; wall a phase"
    ]
    for size in SIZES:
        cost = median(costs[size])
        phases = "  ".join(f"{phase} {us:.0f}" for phase, us in cost.phases.items())
        ratio = cost.wall / least.wall
        figures = f"{cost.wall:>8.1f} {cost.client:>8.1f} {cost.valkey:>8.1f} {ratio:>9.1f}"
        rows.append(f"{size:>6} {figures}   {phases}")
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
