"""`python -m tests.chaos.outage`: one job of 2,000 documents, five broker kills and a freeze of 60 s in the middle of it.

Meanwhile callers who mend nothing ask for this and that, each with a deadline: none may be kept waiting for more
than a second past it. `DOCUMENTS` and `FREEZE` (seconds) in the environment say how much.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio

from collatio.local.store import NAME as BROKER
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc
from tests.chaos.checker import check_history, check_job
from tests.chaos.documents import spec_of, uris_of, write_documents
from tests.chaos.faults import broker_client
from tests.chaos.history import keep_history, read_history
from tests.support.jobs import watching
from tests.support.processes import frozen
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from tests.support.jobs import Watched
    from tests.support.running_mesh import RunningMesh

KILLS = 5
DEADLINE_S = 4.0
LATE_S_MAX = 1.0
END_S = 600.0
ASKERS = 3


@dataclass(slots=True)
class Asked:
    """How calls ended, and by how much the slowest passed its deadline."""

    codes: Counter[str] = field(default_factory=Counter)
    late_s: float = -DEADLINE_S


async def ask(mesh: RunningMesh, name: str, spec: Any, asked: Asked) -> None:
    """Ask one thing after the other, for ever, as a caller who mends nothing."""
    async with grpc.aio.insecure_channel(mesh.target) as channel:
        jobs, status = gateway_pb2_grpc.JobServiceStub(channel), gateway_pb2_grpc.MeshServiceStub(channel)
        calls = (
            lambda: jobs.GetJob(pb.GetJobRequest(name=name), timeout=DEADLINE_S),
            lambda: jobs.ListJobs(pb.ListJobsRequest(), timeout=DEADLINE_S),
            lambda: jobs.ListJobDocuments(pb.ListJobDocumentsRequest(name=name), timeout=DEADLINE_S),
            # The job exists, so this makes none; it goes all the way to the journal's script.
            lambda: jobs.CreateJob(_again(name, spec), timeout=DEADLINE_S),
            lambda: status.GetMeshStatus(pb.GetMeshStatusRequest(), timeout=DEADLINE_S),
        )
        while True:
            for call in calls:
                began = time.monotonic()
                try:
                    await call()
                    asked.codes["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    asked.codes[error.code().name] += 1
                asked.late_s = max(asked.late_s, time.monotonic() - began - DEADLINE_S)
                await asyncio.sleep(0.05)


def _again(name: str, spec: Any) -> pb.CreateJobRequest:
    job_id = name.partition("/")[2]
    return pb.CreateJobRequest(job=pb.Job(spec=spec), job_id=job_id, request_id=str(uuid.uuid4()))


async def strike(mesh: RunningMesh, watched: Watched, documents: int, freeze_s: float) -> None:
    """Kill the broker five times and freeze it once, spread over the job's extractions."""
    drawn = random.Random(1)
    for number in range(KILLS + 1):
        share = documents * (number + 1) // (KILLS + 3)
        await watched.until(lambda job, share=share: len(job.documents) >= share, within_s=END_S)  # type: ignore[misc] # bound now, used later
        broker = await mesh.settled(BROKER)
        if number == KILLS // 2:
            with frozen([broker]):
                await asyncio.sleep(freeze_s)
        else:
            await asyncio.sleep(drawn.uniform(0, 0.5))
            await mesh.kill(BROKER)


async def main() -> int:
    """Run, and tell; exit status 1 if anything was wrong."""
    documents, freeze_s = int(os.environ.get("DOCUMENTS", "2000")), float(os.environ.get("FREEZE", "60"))
    asked = Asked()
    with tempfile.TemporaryDirectory(prefix="outage-") as folder:
        root = Path(folder)
        (papers,) = write_documents(root / "documents", 1, documents)
        async with running_mesh([root / "documents"]) as mesh, mesh.client() as client:
            valkey = mesh.mesh.data_dir / "valkey"
            with broker_client(mesh) as store:
                store.execute_command(keep_history(valkey))
            began = time.monotonic()
            async with watching(client, spec_of(papers)) as watched:
                asking = [
                    asyncio.create_task(ask(mesh, watched.name, spec_of(papers), asked))
                    for _ in range(ASKERS)
                ]
                await strike(mesh, watched, documents, freeze_s)
                struck = time.monotonic()
                job = await watched.end(END_S)
                ended = time.monotonic()
                for task in asking:
                    task.cancel()
            wrong = await check_job(client, mesh.target, job, uris_of(papers))
            found = check_history(read_history(valkey))
    wrong += found.wrong
    if asked.late_s > LATE_S_MAX:
        wrong.append(f"a call ended {asked.late_s:.2f} s after its deadline")
    print(f"{documents:,} documents, {KILLS} broker kills, one freeze of {freeze_s:g} s: ended after")
    print(
        f"{ended - began:.0f} s, {ended - struck:.0f} s after the last fault; lost {found.lost}, committed twice"
    )
    print(
        f"{found.duplicate_commits}, run again {found.runs_again} of {found.steps:,} steps; calls: {dict(asked.codes)},"
    )
    print(f"the slowest ended {asked.late_s:+.2f} s from its deadline of {DEADLINE_S:g} s")
    for sentence in wrong[:20]:
        print(f"  WRONG: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
