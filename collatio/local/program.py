"""A program of the mesh, as the parent side knows it: the plan's line and how to tell that it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.local.plan import ProgramPlan, Rank

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

STOP_WAIT_S = {Rank.SERVER: 3.5, Rank.WORKER: 4.5, Rank.STORE: 1.0}  # together under 10 s, hung ones included
SETTLE_S = {Rank.SERVER: 3.0, Rank.WORKER: 3.0, Rank.STORE: 1.0}


@dataclass(frozen=True, slots=True)
class Program:
    """A program to supervise. `env` is its whole environment; `ready` returns once it serves.

    A program without `ready` counts as ready when it has been started. A failed start is tried again
    `start_retries` times in a row, 1, 2, 3, … seconds apart; then the mesh has failed.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    rank: Rank
    ready: Callable[[], Awaitable[None]] | None = None
    start_retries: int = 5

    def plan(self, log: Path) -> ProgramPlan:
        """Say it in the supervising process's words."""
        return ProgramPlan(
            name=self.name,
            argv=self.argv,
            env=dict(self.env),
            rank=int(self.rank),
            log=str(log),
            settle_s=SETTLE_S[self.rank],
            start_retries=self.start_retries,
            stop_wait_s=STOP_WAIT_S[self.rank],
        )


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A program's process now. `state` is supervisor's word; `pid` is 0 where none runs.

    `restarts` counts the starts after the first.
    """

    name: str
    pid: int
    state: str
    restarts: int
