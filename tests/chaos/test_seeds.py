"""Faults at random, two seeds in small; `make chaos` runs them in full."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.chaos.disturbed import Ground, Scale
from tests.chaos.faults import KINDS, schedule

if TYPE_CHECKING:
    pass

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds pool children in /proc, which is Linux's"),
]

SCALE = Scale(kills=8, documents=160, jobs=4)
SEEDS = (1, 5)
END_S_MAX = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Documents, and what an undisturbed run makes of them."""
    made = Ground(tmp_path_factory.mktemp("chaos"), SCALE)
    account = await made.survey()
    assert account.wrong == []
    return made


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_lost_and_nothing_is_done_twice(ground: Ground, seed: int) -> None:
    """Whatever dies, freezes or refuses, all jobs end complete, with the results of an undisturbed run."""
    account = await ground.disturbed(seed)
    assert account.wrong == []
    assert (account.findings.lost, account.findings.duplicate_commits) == (0, 0)
    assert account.end_s <= END_S_MAX


async def test_a_schedule_is_its_seeds_and_strikes_everything() -> None:
    """The same seed gives the same faults; a tenth at least strikes the broker, a tenth freezes something."""
    assert schedule(7, 40) == schedule(7, 40) != schedule(8, 40)
    assert len(schedule(7, 40)) == 40
    for seed in range(20):
        kinds = Counter(fault.kind for fault in schedule(seed, 40))
        assert sum(count for kind, count in kinds.items() if "broker" in kind or "cut" in kind) >= 4
        assert sum(count for kind, count in kinds.items() if "freeze" in kind) >= 4
    assert {fault.kind for seed in range(20) for fault in schedule(seed, 40)} == set(KINDS)
