"""A mesh to do harm to: crash points to arm, servers and workers to strike, a broker to take away, a judge at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collatio.local.services import GATEWAY_SERVICE, STAGES
from collatio.local.store import NAME as BROKER
from collatio.runtime import failpoints
from tests.chaos.checker import Findings, check_history, check_job
from tests.chaos.documents import spec_of, uris_of, write_documents
from tests.chaos.faults import broker_client
from tests.chaos.history import History, StepHistory, keep_history, read_history
from tests.support.processes import left_of, tree_of
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from redis import Redis

    from collatio.client import Client, Job, JobSpec
    from tests.support.running_mesh import RunningMesh

WAIT_S = 30.0
SERVING = health_pb2.HealthCheckResponse.SERVING


@dataclass(frozen=True, slots=True)
class Papers:
    """A job's documents: where they lie, and the job that reads them."""

    folder: Path
    spec: JobSpec
    uris: list[str]


@dataclass(frozen=True, slots=True)
class ShakenMesh:
    """A running mesh and what it takes to shake it. `root` holds its documents and its crash points."""

    mesh: RunningMesh
    client: Client
    root: Path

    @property
    def points(self) -> Path:
        """Where crash points are armed."""
        return self.root / "points"

    def papers(self, name: str, count: int) -> Papers:
        """Write documents that no other job has."""
        (folder,) = write_documents(self.root / name, 1, count, tag=name)
        return Papers(folder, spec_of(folder), uris_of(folder))

    def arm(self, name: str, action: str = "kill") -> None:
        """Arm a crash point."""
        for old in self.points.glob(f"{name}.[0-9]*"):
            old.unlink()
        failpoints.arm(self.points, name, action)

    async def taken(self, name: str) -> int:
        """Wait until a process has come to an armed point; its id."""
        async with asyncio.timeout(WAIT_S):
            while (pid := failpoints.taken(self.points, name)) is None:
                await asyncio.sleep(0.01)  # another process leaves a file
            return pid

    def broker(self) -> Redis:
        """Make a client of the mesh's Valkey."""
        return broker_client(self.mesh)

    def order(self, *words: str) -> Any:
        """Give Valkey a command."""
        with self.broker() as store:
            return store.execute_command(*words)

    def settle_histories(self) -> History:
        """Read what happened to every step so far."""
        return read_history(self.mesh.mesh.data_dir / "valkey")

    def steps(self, job: Job, stage: str) -> list[StepHistory]:
        """List the steps that a job was first to ask for, with their histories."""
        return _of_job(self.settle_histories(), job).of(stage)

    def field_sum(self, stage: str, steps: Sequence[StepHistory], name: str) -> int:
        """Add up a numeric field of steps as they lie in the store."""
        with self.broker() as store:
            found = [store.hget(f"{{collatio:{stage}}}:step:{step.key}", name) for step in steps]
        return sum(int(value) for value in found if isinstance(value, bytes))

    async def judge(self, job: Job, papers: Papers) -> Findings:
        """Hold a job to every promise: nothing lost, nothing twice, by the API and by the ledgers' histories."""
        assert await check_job(self.client, self.mesh.target, job, papers.uris) == []
        found = check_history(_of_job(self.settle_histories(), job))
        assert found.wrong == []
        assert (found.lost, found.duplicate_commits) == (0, 0)
        assert found.steps > len(papers.uris)
        return found

    def tree(self, name: str) -> list[int]:
        """List a program's processes."""
        return tree_of(self.mesh.pid(name))

    async def replaced(self, stage: str, worker: int) -> None:
        """Wait until another worker than this one has announced itself to a stage."""
        async with asyncio.timeout(2 * WAIT_S):
            while True:
                told = self.order("HVALS", f"{{collatio:{stage}}}:workers")
                if {json.loads(each)["pid"] for each in told} - {worker}:
                    return
                await asyncio.sleep(0.05)  # it beats, it tells nobody

    @asynccontextmanager
    async def broker_away(self) -> AsyncIterator[None]:
        """Kill Valkey, and have it not start again for the time of the block."""
        supervisor = self.mesh.mesh.processes()[0].pid
        os.kill(supervisor, signal.SIGSTOP)
        try:
            broker = self.mesh.pid(BROKER)
            os.kill(broker, signal.SIGKILL)
            assert left_of([broker], WAIT_S) == []
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    def servers(self) -> Mapping[str, str]:
        """Map every server's address to its service's name."""
        stages = {self.mesh.stage(stage): service for stage, service in STAGES.items()}
        return {self.mesh.target: GATEWAY_SERVICE, **stages}

    async def health(self, *, serving: bool, within_s: float) -> None:
        """Wait until every server says that it serves, or that it does not."""
        async with asyncio.timeout(within_s):
            await asyncio.gather(*(_until(*each, serving=serving) for each in self.servers().items()))


async def _until(target: str, service: str, *, serving: bool) -> None:
    async with grpc.aio.insecure_channel(target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service=service), wait_for_ready=True
        )
        async for answer in watch:
            if (answer.status == SERVING) == serving:
                watch.cancel()
                return


def _of_job(history: History, job: Job) -> History:
    """Keep the steps that a job was first to submit."""
    wanted = job.name.partition("/")[2]
    steps = {place: step for place, step in history.steps.items() if step.fields.get("j") == wanted}
    return History(steps, history.told, history.commands)


@asynccontextmanager
async def shaken_mesh(root: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[ShakenMesh]:
    """Start a mesh to do harm to."""
    (root / "points").mkdir(parents=True)
    full = {"COLLATIO_FAILPOINTS": str(root / "points"), **(environ or {})}
    async with running_mesh([root], environ=full) as mesh, mesh.client() as client:
        shaken = ShakenMesh(mesh, client, root)
        shaken.order(*keep_history(mesh.mesh.data_dir / "valkey").split())
        await client.mesh_status()  # a gateway that has answered once is waited for when it dies
        yield shaken
