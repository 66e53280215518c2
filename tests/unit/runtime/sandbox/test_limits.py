"""Limits say no to what would stop every call."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from collatio.runtime.sandbox import Limits

GOOD = Limits(wall_s=1.5, cpu_s=2, memory_bytes=1 << 20, output_bytes=1)


def test_limits_survive_the_way() -> None:
    """What the pool child asks for is what the sandbox sets."""
    assert Limits.decode(GOOD.encode()) == GOOD


@pytest.mark.parametrize("field", ["wall_s", "cpu_s", "memory_bytes", "output_bytes", "open_files"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_senseless_bound_is_refused(field: str, value: float) -> None:
    """Zero, negative and not-a-number bounds are mistakes of the settings."""
    fields: dict[str, Any] = {**asdict(GOOD), field: value}
    with pytest.raises(ValueError, match=field):
        Limits(**fields)


def test_too_few_files_are_refused() -> None:
    """A sandbox that cannot load a module is no use."""
    with pytest.raises(ValueError, match="at least 16"):
        replace(GOOD, open_files=8)
