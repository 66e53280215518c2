"""What happened to every step, read from the append-only file that Valkey writes: each command, in order.

No transition can hide from it, because Valkey itself lives by it: it outlasts `kill -9` of any process, Valkey's
own included (what a command answered was written first; only the machine's death loses the last second). It is
read after the fact, so it disturbs nothing. The file must not be rewritten meanwhile: see `keep_history`.

Nothing of the code under test is used here but the names of its keys.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGES = ("fetch", "extract", "compare")
_KEY = re.compile(rb"\{collatio:(fetch|extract|compare)\}:(step:)?(.+)")
ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Move:
    """A step going from one state to another; token, message, generation and worker as they are after it."""

    before: str
    after: str
    token: int
    generation: int
    message: str
    attempt: int
    digest: str


@dataclass(slots=True)
class StepHistory:
    """One step's moves, in order."""

    stage: str
    key: str
    moves: list[Move] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    state: str = ABSENT

    def write(self, changed: dict[str, str]) -> None:
        """Take in an HSET."""
        self.fields.update(changed)
        if "s" in changed:
            self._move(changed["s"])

    def erase(self) -> None:
        """Take in that the step was removed for good."""
        self._move(ABSENT)
        self.fields.clear()

    def _move(self, state: str) -> None:
        f = self.fields
        numbers = int(f.get("t", 0)), int(f.get("g", 0))
        self.moves.append(
            Move(self.state, state, *numbers, f.get("x", ""), int(f.get("a", 0)), f.get("d", ""))
        )
        self.state = state


@dataclass(slots=True)
class History:
    """Every step of a mesh, and how often each end was told on the event streams."""

    steps: dict[tuple[str, str], StepHistory] = field(default_factory=dict)
    told: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    commands: int = 0

    def of(self, stage: str) -> list[StepHistory]:
        """List one stage's steps."""
        return [step for step in self.steps.values() if step.stage == stage]

    def take(self, transaction: list[list[bytes]]) -> None:
        """Take in the commands of one script: a DEL with an HSET after it is one move, not a removal."""
        removed: set[tuple[str, str]] = set()
        for command in transaction:
            self.commands += 1
            found = _KEY.fullmatch(command[1]) if len(command) > 1 else None
            if found is None:
                continue
            name, stage = command[0].upper(), found[1].decode()
            if found[2]:
                place = (stage, found[3].decode())
                if name == b"HSET":
                    self._write(place, command, fresh=place in removed)
                    removed.discard(place)
                elif name in {b"DEL", b"UNLINK"}:
                    removed.add(place)
            elif found[3] == b"events" and name == b"XADD":
                for key in command[-1].decode().split():
                    self.told[stage, key] += 1
        for place in removed:
            self.steps[place].erase()

    def _write(self, place: tuple[str, str], command: list[bytes], *, fresh: bool) -> None:
        step = self.steps.get(place)
        if step is None:
            step = self.steps[place] = StepHistory(*place)
        elif fresh:
            step.fields.clear()
        texts = [
            part.decode("utf-8", "replace") if len(part) < 200 else "" for part in command[2:]
        ]  # specs and summaries are long, and say nothing of states
        step.write(dict(zip(texts[::2], texts[1::2], strict=True)))


def read_history(valkey: Path) -> History:
    """Read a Valkey folder's append-only file."""
    history = History()
    transaction: list[list[bytes]] | None = None
    for file in sorted((valkey / "appendonlydir").glob("*.incr.aof")):
        for command in _commands(file.read_bytes()):
            match command[0].upper():
                case b"MULTI":
                    transaction = []
                case b"EXEC":
                    history.take(transaction or [])
                    transaction = None
                case _ if transaction is None:
                    history.take([command])
                case _:
                    transaction.append(command)
    return history


def _commands(data: bytes) -> Iterator[list[bytes]]:
    """Parse commands as Valkey logs them (RESP arrays of bulk strings); a last one cut short is left out."""
    at, end = 0, len(data)
    while at < end:
        line = data.find(b"\r\n", at)
        if line < 0:
            return
        if data[at : at + 1] == b"#":  # an annotation
            at = line + 2
            continue
        parts = []
        count, at = int(data[at + 1 : line]), line + 2
        for _ in range(count):
            line = data.find(b"\r\n", at)
            if line < 0:
                return
            size = int(data[at + 1 : line])
            parts.append(data[line + 2 : line + 2 + size])
            at = line + 4 + size
        if at > end:
            return
        yield parts


def keep_history(valkey: Path) -> str:
    """Have a Valkey never rewrite its file, now by the command that is returned, and when it starts again."""
    with (valkey / "valkey.conf").open("a", encoding="utf-8") as file:
        file.write("auto-aof-rewrite-percentage 0\n")
    return "CONFIG SET auto-aof-rewrite-percentage 0"
