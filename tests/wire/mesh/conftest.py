"""What these wire tests share: the mesh's servers in one process, over a store of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.served_mesh import ServedMesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DATABASE = 8


@pytest.fixture
def state_url(valkey_url: str) -> str:
    """A database for wire tests."""
    return f"{valkey_url.rpartition('/')[0]}/{DATABASE}"


@pytest.fixture
async def served(state_url: str, tmp_path: Path) -> AsyncIterator[ServedMesh]:
    """The four servers, without workers."""
    async with ServedMesh(state_url, tmp_path) as running:
        yield running
