"""`kill -9` of each kind of process in the middle of a 200-document job: the job ends as if nothing had been.

The documents come from a site that holds the later half back, so that a kill lands while fetching and extracting
are under way, whatever the machine's speed; a kill of compare lands once its first pairs are reached.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from collatio.client import BaselinePlan, CompareSpec, JobSpec, Source
from tests.support.jobs import EXTRACTED, assert_accounted_for, watching
from tests.support.running_mesh import running_mesh
from tests.support.site import serving_papers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from collatio.client import Job
    from tests.support.jobs import Watched
    from tests.support.running_mesh import RunningMesh
    from tests.support.site import Site

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds pool children in /proc, which is Linux's"),
]

COUNT = 200
HELD_FROM = 100
BEFORE = 40
STAGES = ("fetch", "extract", "compare")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Two hundred papers on the web, for each test its own."""
    with serving_papers(paragraphs=30) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(site: Site) -> AsyncIterator[RunningMesh]:
    """A mesh of these tests' own, which mends itself between them."""
    async with running_mesh(environ={"COLLATIO_FETCH_ALLOW_HOSTS": site.host}) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _whole(mesh: RunningMesh) -> None:
    """Begin each test with a mesh that is whole again."""
    await mesh.whole()


def spec(site: Site, tag: str) -> JobSpec:
    """Make a job of 200 documents, each compared with the first."""
    sources = [Source(uri=uri, key=str(number)) for number, uri in enumerate(site.uris(tag, COUNT))]
    return JobSpec(sources=sources, compare=CompareSpec(baseline=BaselinePlan(key="0")))


async def disturbed(
    mesh: RunningMesh, site: Site, tag: str, stage: str, blow: Callable[[], Awaitable[None]]
) -> Job:
    """Run a job, strike in the middle of a stage, and hold the job to its promises."""
    site.gate.close_from(HELD_FROM)
    async with mesh.client() as client, watching(client, spec(site, tag)) as watched:
        await watched.until(lambda job: job.count(EXTRACTED) >= BEFORE)
        if stage == "fetch":
            await blow()
            site.gate.open()
        else:
            site.gate.open()
            await watched.until(_middle_of(stage, watched))
            await blow()
        job = await watched.end()
        await assert_accounted_for(client, mesh.target, watched, job, COUNT)
    assert job.comparisons.compared == COUNT - 1
    return job


def _middle_of(stage: str, watched: Watched) -> Callable[[Watched], bool]:
    """Make the condition under which a stage is at work and has work before it."""
    if stage == "compare":
        return lambda job: 0 < job.comparisons.compared < COUNT - 1
    seen = watched.count(EXTRACTED)
    return lambda job: seen < job.count(EXTRACTED) < COUNT


@pytest.mark.parametrize("stage", STAGES)
async def test_a_killed_worker_loses_nothing(mesh: RunningMesh, site: Site, stage: str) -> None:
    """Its pool dies with it; another takes its place and runs what was in hand, within the lease."""
    await disturbed(mesh, site, f"worker-{stage}", stage, lambda: mesh.kill(f"{stage}-work"))


@pytest.mark.parametrize("stage", STAGES)
async def test_a_killed_pool_child_loses_nothing(mesh: RunningMesh, site: Site, stage: str) -> None:
    """The pool replaces it, and what its message had not committed runs again."""
    parent = mesh.pid(f"{stage}-work")

    async def blow() -> None:
        os.kill(mesh.pool(stage)[0], signal.SIGKILL)

    await disturbed(mesh, site, f"child-{stage}", stage, blow)
    assert mesh.pid(f"{stage}-work") == parent, "the pool itself lived on"


@pytest.mark.parametrize("stage", STAGES)
async def test_a_killed_stage_server_loses_nothing(mesh: RunningMesh, site: Site, stage: str) -> None:
    """The gateway opens its stream again and asks for what is missing."""
    await disturbed(mesh, site, f"server-{stage}", stage, lambda: mesh.kill(f"{stage}-serve"))


@pytest.mark.parametrize("stage", STAGES)
async def test_a_killed_gateway_loses_nothing(mesh: RunningMesh, site: Site, stage: str) -> None:
    """The next one takes the job's lease and goes on from the journal; the watch goes on where it was."""
    await disturbed(mesh, site, f"gateway-{stage}", stage, lambda: mesh.kill("gateway"))
