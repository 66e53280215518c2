"""What the stack tests share: one embedded mesh for all tests that leave it as they found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.places import CORPUS, SAMPLES
from tests.support.running_mesh import running_mesh
from tests.support.shaken_mesh import shaken_mesh
from tests.support.site import serving_papers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from collatio.client import Client
    from tests.support.running_mesh import RunningMesh
    from tests.support.shaken_mesh import ShakenMesh
    from tests.support.site import Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Papers on the web, behind a gate."""
    with serving_papers() as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mesh(site: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningMesh]:
    """A mesh that may read the samples, the shared corpus, the site, and what tests write into their `tmp_path`."""
    roots = [SAMPLES, tmp_path_factory.getbasetemp(), *([CORPUS] if CORPUS.is_dir() else [])]
    async with running_mesh(roots, environ={"COLLATIO_FETCH_ALLOW_HOSTS": site.host}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(mesh: RunningMesh) -> AsyncIterator[Client]:
    """A client of the shared mesh's gateway."""
    async with mesh.client() as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shaken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ShakenMesh]:
    """A mesh that tests do harm to, and that mends itself between them."""
    async with shaken_mesh(tmp_path_factory.mktemp("shaken")) as mesh:
        yield mesh
