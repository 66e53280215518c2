"""A job's spans read from the mesh that did it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from collatio.cli.output.trace import PATIENCE_S, is_whole, trace_reader
from collatio.cli.surroundings import Surroundings
from collatio.client.messages import Job
from collatio.runtime.telemetry.reader import read_lines

if TYPE_CHECKING:
    from pathlib import Path

TRACE = "0af7651916cd43dd8448eb211c80319c"


def line(span: str, name: str, parent: str = "", kind: int = 1) -> str:
    """Write a span as the trace files hold it."""
    row = {"traceId": TRACE, "spanId": span, "parentSpanId": parent, "name": name, "kind": kind}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [row]}]}]})


class Clock:
    """A clock that only sleeping moves. `on_sleep` is what happens meanwhile."""

    def __init__(self, on_sleep: Any = None) -> None:
        self.now = 0.0
        self.on_sleep = on_sleep

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        if self.on_sleep:
            self.on_sleep()


def no_mesh(**_: Any) -> Any:
    """Never open a mesh."""
    raise AssertionError


async def read(folder: Path, clock: Clock) -> Any:
    """Read the job's trace."""
    surroundings = Surroundings(open_mesh=no_mesh, monotonic=clock, sleep=clock.sleep)
    return await trace_reader(folder, Job(trace_id=TRACE), surroundings)()


async def test_a_whole_trace_is_read_at_once(tmp_path: Path) -> None:
    """Nothing is waited for that is already there."""
    (tmp_path / "gateway-1.jsonl").write_text(line("a", "job.run") + "\n")
    clock = Clock()
    row = await read(tmp_path, clock)
    assert [each["name"] for each in row["spans"]] == ["job.run"]
    assert clock.now == 0


async def test_a_late_span_is_waited_for(tmp_path: Path) -> None:
    """What was sent is processed; the reader comes back for it."""
    path = tmp_path / "gateway-1.jsonl"
    path.write_text("\n".join([line("a", "job.run"), line("b", "send", "a", kind=4)]) + "\n")

    def arrive() -> None:
        (tmp_path / "work-2.jsonl").write_text(line("c", "process", "b", kind=5) + "\n")

    row = await read(tmp_path, Clock(arrive))
    assert len(row["spans"]) == 3


async def test_patience_ends(tmp_path: Path) -> None:
    """A trace with a hole is drawn with its hole; one that is not there is none."""
    (tmp_path / "gateway-1.jsonl").write_text(line("b", "send", "a", kind=4) + "\n")
    clock = Clock()
    assert len((await read(tmp_path, clock))["spans"]) == 1
    assert clock.now == PATIENCE_S
    assert await read(tmp_path / "absent", Clock()) is None


def test_whole_means_that_nothing_must_follow() -> None:
    """The job's own span, and a child for every message."""
    assert not is_whole(read_lines([line("b", "send", kind=4)]))
    assert not is_whole(read_lines([line("a", "job.run"), line("b", "send", kind=4)]))
    assert is_whole(read_lines([line("a", "job.run"), line("b", "send", kind=4), line("c", "process", "b")]))
