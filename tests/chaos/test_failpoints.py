"""Every crash point once: a job survives it, without a loss and without a repeated commit.

`POINT_SEEDS` in the environment repeats all rounds, with points that fire later in a job.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from collatio.client import JobState
from collatio.runtime.failpoints import NAMES, arm, taken
from tests.chaos.checker import check_at_rest, check_history, check_job, differences, results_of
from tests.chaos.disturbed import REST_S
from tests.chaos.documents import spec_of, uris_of, write_documents
from tests.chaos.faults import broker_client
from tests.chaos.history import keep_history, read_history
from tests.chaos.placed import CANCELLED, ROUNDS
from tests.support.running_mesh import LEASE_S, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from collatio.client import Client
    from tests.chaos.placed import Round
    from tests.support.running_mesh import RunningMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(
        sys.platform != "linux", reason="the embedded mesh ties its processes' lives on Linux"
    ),
]

SEEDS = int(os.environ.get("POINT_SEEDS", "1"))
DOCUMENTS = 24
END_S = 60.0
CASES = [
    pytest.param(seed * len(ROUNDS) + number, seed, each, id=f"{each}-{seed}")
    for seed in range(SEEDS)
    for number, each in enumerate(ROUNDS)
]


@dataclass(frozen=True, slots=True)
class Ground:
    """A mesh whose points can be armed, its documents, and what they come to undisturbed."""

    mesh: RunningMesh
    client: Client
    points: Path
    folders: list[Path]
    results: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """Run every job undisturbed on a mesh of its own, then start the one to disturb."""
    root = tmp_path_factory.mktemp("placed")
    folders = write_documents(root / "documents", len(CASES) + 1, DOCUMENTS)
    results = {}
    async with running_mesh([root]) as mesh, mesh.client() as client:
        jobs = [await client.submit(spec_of(folder)) for folder in folders]
        for job in jobs:
            results.update(await results_of(client, await client.wait(job.name)))
    points = root / "points"
    points.mkdir()
    environ = {"COLLATIO_FAILPOINTS": str(points)}
    async with running_mesh([root], environ=environ) as mesh, mesh.client() as client:
        with broker_client(mesh) as store:
            store.execute_command(keep_history(mesh.mesh.data_dir / "valkey"))
        await client.mesh_status()  # a gateway that has answered once is waited for when it dies
        yield Ground(mesh, client, points, folders, results)


async def test_every_point_is_in_a_round() -> None:
    """A new point cannot be forgotten here."""
    armed = {name for each in ROUNDS for name in (*each.kills, *each.also)}
    assert armed | {CANCELLED} == set(NAMES)


@pytest.mark.parametrize(("index", "seed", "each"), CASES)
async def test_a_job_survives(ground: Ground, index: int, seed: int, each: Round) -> None:
    """Whatever dies where it hurts, the job ends with the results of an undisturbed run, each once."""
    folder = ground.folders[index]
    for path in ground.points.iterdir():
        path.unlink()
    actions = each.actions(seed)
    for name, action in actions.items():
        arm(ground.points, name, action)
    client = ground.client
    async with asyncio.timeout(END_S):
        job = await client.submit(spec_of(folder), request_id=str(uuid.uuid4()))
        job = await client.wait(job.name)
        await _until_taken(ground, actions)
        wrong = await check_job(client, ground.mesh.target, job, uris_of(folder))
        found = await results_of(client, job)
    undisturbed = {name: digest for name, digest in ground.results.items() if name in found}
    assert wrong == []
    assert len(found) == 2 * DOCUMENTS - 1
    assert differences(found, undisturbed) == []


async def _until_taken(ground: Ground, actions: dict[str, str]) -> None:
    """Wait for the points that are reached only beside or after a job; a timer's fires within a lease."""
    try:
        async with asyncio.timeout(3 * LEASE_S):
            while left := [name for name in actions if taken(ground.points, name) is None]:
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not reached: {', '.join(left)}")


async def test_a_cancellation_survives_the_gateway(ground: Ground) -> None:
    """A gateway that dies before it answers a cancellation has cancelled: the next one ends the job so."""
    arm(ground.points, CANCELLED)
    arm(ground.points, "worker.step.begun", "delay 5")
    client = ground.client
    async with asyncio.timeout(END_S):
        job = await client.submit(spec_of(ground.folders[-1]))
        await client.cancel(job.name)
        job = await client.wait(job.name)
    assert job.state == JobState.JOB_STATE_CANCELLED
    assert taken(ground.points, CANCELLED)


async def test_the_ledgers_tell_of_one_commit_a_step(ground: Ground) -> None:
    """Over all rounds: legal moves only, one commit a step, every end told once, nothing left behind."""
    with broker_client(ground.mesh) as store:
        async with asyncio.timeout(REST_S):
            while wrong := check_at_rest(store):
                await asyncio.sleep(0.2)
    found = check_history(read_history(ground.mesh.mesh.data_dir / "valkey"))
    assert found.wrong == wrong == []
    assert (found.lost, found.duplicate_commits) == (0, 0)
    assert found.steps > len(ROUNDS) * DOCUMENTS
