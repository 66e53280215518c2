"""What the stack tests share: one embedded mesh for all tests that leave it as they found it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.places import CORPUS, SAMPLES
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from collatio.client import Client
    from tests.support.running_mesh import RunningMesh


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningMesh]:
    """A mesh that may read the samples, the shared corpus and whatever tests write into their `tmp_path`."""
    if sys.platform != "linux":
        pytest.skip("watches processes by pidfd and /proc, which are Linux's")
    roots = [SAMPLES, tmp_path_factory.getbasetemp(), *([CORPUS] if CORPUS.is_dir() else [])]
    async with running_mesh(roots) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(mesh: RunningMesh) -> AsyncIterator[Client]:
    """A client of the shared mesh's gateway."""
    async with mesh.client() as opened:
        yield opened
