"""What the ledger's tests share: a bench of each test's own, and how long the state machine searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("long", max_examples=1500, stateful_step_count=100, deadline=None)


@pytest.fixture
def bench(valkey_url: str, stage_name: str) -> Iterator[Bench]:
    """Lay out a bench of the test's own."""
    made = Bench(valkey_url, stage_name)
    yield made
    made.client.close()
