"""What the command tells the supervising process, and what it hears back: one JSON line each.

The plan goes over a pipe, never through arguments or a file, because environments hold credentials. The pipe
stays open for as long as the mesh is wanted: its end is the order to stop, however the command ended.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import IntEnum


class Rank(IntEnum):
    """When a program stops: the highest rank first, each rank only when the one above has ended."""

    STORE = 1
    WORKER = 2
    SERVER = 3


@dataclass(frozen=True, slots=True)
class ProgramPlan:
    """One supervised program. `settle_s`: ending sooner than this counts as a failed start.

    `start_retries`: how many failed starts in a row are tried again, after 1 s, 2 s, 3 s and so on.
    `stop_wait_s`: from SIGTERM to SIGKILL of its process group.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    rank: int
    log: str
    settle_s: float
    start_retries: int
    stop_wait_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole mesh: its programs, their working folder, the supervisor's log, the lock it holds too.

    `remove` is a temporary folder to remove when the last program has ended.
    """

    programs: tuple[ProgramPlan, ...]
    folder: str
    log: str
    lock_fd: int
    remove: str | None

    def to_line(self) -> bytes:
        """Write the plan as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Plan:
        """Read what `to_line` wrote."""
        fields = json.loads(line)
        programs = tuple(
            ProgramPlan(**{**each, "argv": tuple(each["argv"])}) for each in fields.pop("programs")
        )
        return cls(programs=programs, **fields)


@dataclass(frozen=True, slots=True)
class Change:
    """A program entered a state: starting, running, backoff, exited, stopping, stopped or fatal.

    `pid` is 0 where no process was made. A line without a program (`name` empty) says that all have ended.
    """

    name: str
    state: str
    pid: int

    def to_line(self) -> bytes:
        """Write the change as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Change:
        """Read what `to_line` wrote."""
        return cls(**json.loads(line))


ALL_ENDED = Change("", "ended", 0)
