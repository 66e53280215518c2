"""Crash points placed on purpose: which are armed together, so that a few jobs reach all of them.

A round arms points of different processes at once: a gateway, a stage's server, pool children, a worker. Each
fires once in the whole mesh; some need another to be reached at all (a publish must fail before it is undone).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.history import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

AGAIN = {
    "gateway.document.noted",
    "gateway.watch.event",
    "worker.step.begun",
    "worker.step.done",
    "blob.rename.before",
    "blob.rename.after",
    "fetch.memo.before",
}
"""Points that one process passes many times in a job: there it may die later than at the first."""

EVERY_STAGES = ("stage.", "dispatcher.", "worker.")
"""Points that each stage has: which is reached first is chance, unless a seed says in which."""


@dataclass(frozen=True, slots=True)
class Round:
    """Points that are killed at, and what else is armed to get there."""

    kills: tuple[str, ...]
    also: Mapping[str, str] = field(default_factory=dict)

    def actions(self, seed: int) -> dict[str, str]:
        """Say what to arm. A seed above 0 puts the points that all stages have into one of them, and some later."""
        drawn = random.Random(seed)
        stage = STAGES[seed % len(STAGES)]
        actions: dict[str, str] = {}
        for name, action in {**dict.fromkeys(self.kills, "kill"), **self.also}.items():
            anywhere = not seed or not name.startswith(EVERY_STAGES)
            # A job this small has one plan and a tile or two to compare: too few to pass some over.
            later = seed and action == "kill" and name in AGAIN and (anywhere or stage != "compare")
            actions[name] = action + (f" after={drawn.randrange(8)}" if later else "")
            actions[name] += "" if anywhere else f" in={stage}_svc"
        return actions

    def __str__(self) -> str:
        """Name it by its first point."""
        return self.kills[0]


ROUNDS = (
    Round(("gateway.create.before", "stage.request.read", "worker.claim.before")),
    Round(("gateway.create.after", "dispatcher.submit.before", "worker.claim.after")),
    Round(("gateway.lease.after", "dispatcher.publish.before", "worker.step.begun")),
    Round(("gateway.run.begun", "dispatcher.publish.after", "worker.step.done")),
    Round(("gateway.stream.open", "dispatcher.event.read", "worker.settle.before")),
    Round(("gateway.document.noted", "stage.reply.before", "worker.settle.after")),
    Round(("gateway.write.before", "dispatcher.expire.before", "worker.message.end")),
    Round(
        ("gateway.write.after", "worker.renew.before"),
        {"worker.step.begun": "delay 3"},
    ),
    Round(
        ("gateway.finish.before", "dispatcher.unsend.before", "worker.abandon.before", "worker.step.done"),
        {"dispatcher.publish.before": "raise STATE_STORE_UNAVAILABLE"},
    ),
    Round(
        ("gateway.finish.after", "dispatcher.touch.before", "dispatcher.drop.before", "blob.rename.before"),
        {"worker.step.begun": "delay 3"},
    ),
    Round(("gateway.watch.event", "blob.rename.after", "worker.beat.before")),
    Round(("gateway.conclusion.before", "blob.sync.before", "fetch.memo.before")),
    Round(
        ("gateway.renew.before", "worker.release.before"),
        {"worker.step.begun": "delay 3", "worker.step.done": "raise INTERNAL"},
    ),
)
CANCELLED = "gateway.cancel.after"
"""This one needs a job that is cancelled."""
