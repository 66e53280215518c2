"""Runs over one set of documents: undisturbed once, then once a seed with faults at random; and their account."""

from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from tests.chaos.checker import (
    Findings,
    check_at_rest,
    check_history,
    check_job,
    differences,
    results_of,
)
from tests.chaos.documents import spec_of, uris_of, write_documents
from tests.chaos.faults import Striker, broker_client, schedule
from tests.chaos.history import keep_history, read_history
from tests.support.running_mesh import LEASE_S, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from collatio.client import Client, Job
    from tests.chaos.faults import Fault
    from tests.support.running_mesh import RunningMesh

OPEN_MAX = 2
END_S = 180.0
REST_S = 6 * LEASE_S
MESSAGES_A_KILL = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """How much: faults a seed, and documents, spread over jobs."""

    kills: int
    documents: int
    jobs: int

    @property
    def each(self) -> int:
        """Documents a job."""
        return self.documents // self.jobs


@dataclass(slots=True)
class Account:
    """What one run came to. `end_s`: from the last fault to the last job's end."""

    seed: int
    faults: int
    busy: int
    findings: Findings
    end_s: float
    took_s: float
    documents: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def sent_a_step(self) -> float:
        """Dispatches a step."""
        return self.findings.sent / max(1, self.findings.steps)


class Ground:
    """The documents, their jobs, and the results of a run that nothing disturbed.

    The logs of a run that went wrong are left in `keep`.
    """

    def __init__(self, root: Path, scale: Scale, keep: Path | None = None) -> None:
        self.scale = scale
        self.root = root
        self.keep = keep
        self.folders = write_documents(root / "documents", scale.jobs, scale.each)
        self.results: dict[str, str] = {}

    async def survey(self) -> Account:
        """Run everything undisturbed, and keep its results."""
        async with _mesh(self.root) as mesh:
            account, self.results = await _run(mesh, self, -1, [])
        return account

    async def disturbed(self, seed: int, told: Callable[[str], None] = lambda _: None) -> Account:
        """Run everything under a seed's faults, on a mesh that knows nothing yet."""
        data = self.root / f"mesh-{seed}"
        async with _mesh(self.root, data) as mesh:
            account, results = await _run(mesh, self, seed, schedule(seed, self.scale.kills), told)
        account.wrong += differences(results, self.results)
        bound = MESSAGES_A_KILL * account.faults
        if account.findings.messages_lost > bound:
            account.wrong.append(f"{account.findings.messages_lost} messages ran again, of {bound} at most")
        if account.wrong and self.keep is not None:
            shutil.copytree(data / "logs", self.keep / f"seed-{seed}", dirs_exist_ok=True)
        shutil.rmtree(data)
        return account


@asynccontextmanager
async def _mesh(root: Path, data: Path | None = None) -> AsyncIterator[RunningMesh]:
    async with running_mesh([root / "documents"], data_dir=data) as mesh:
        with broker_client(mesh) as client:
            client.execute_command(keep_history(mesh.mesh.data_dir / "valkey"))
        yield mesh


class _Jobs:
    """The jobs of a run: submitted in order, some at a time, followed to their ends."""

    def __init__(self, client: Client, folders: Sequence[Path]) -> None:
        self._client = client
        self._left = list(folders)
        self.folders: dict[str, Path] = {}
        self.ended: dict[str, Job] = {}
        self._following: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """How many are under way."""
        return len(self._following)

    async def submit(self) -> bool:
        """Submit the next one; False if there is none."""
        if not self._left:
            return False
        folder = self._left.pop(0)
        job = await self._accepted(folder)
        self.folders[job.name] = folder
        task = asyncio.create_task(self._follow(job.name))
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        return True

    async def _accepted(self, folder: Path) -> Job:
        """Ask until the job is taken, under one request id; a store that is full refuses for a while."""
        request = str(uuid.uuid4())
        async with asyncio.timeout(END_S):
            while True:
                try:
                    return await self._client.submit(spec_of(folder), request_id=request)
                except CollatioError as error:
                    if error.reason not in {Reason.STATE_STORE_FULL, Reason.STATE_STORE_UNAVAILABLE}:
                        raise
                    await asyncio.sleep(error.retry_after_s or 1.0)

    async def _follow(self, name: str) -> None:
        self.ended[name] = await self._client.wait(name)

    async def keep_up(self, share: float) -> None:
        """Have work under way, and this share of all jobs ended but for the open ones: faults go with the work."""
        wanted = share * (len(self._left) + len(self.folders))
        async with asyncio.timeout(END_S):
            while True:
                while not self.open or (self.open < OPEN_MAX and len(self.folders) <= wanted):
                    if not await self.submit():
                        break
                if not self._following or len(self.ended) + self.open >= wanted:
                    return
                await asyncio.wait(self._following, return_when=asyncio.FIRST_COMPLETED)

    async def end(self) -> None:
        """Submit what is left, and wait for all to end."""
        async with asyncio.timeout(END_S):
            while self._following or await self.submit():
                while self.open < OPEN_MAX and await self.submit():
                    pass
                done, _ = await asyncio.wait(self._following, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()


async def _run(
    mesh: RunningMesh,
    ground: Ground,
    seed: int,
    faults: Sequence[Fault],
    told: Callable[[str], None] = lambda _: None,
) -> tuple[Account, dict[str, str]]:
    began = time.monotonic()
    striker, busy = Striker(mesh), 0
    async with mesh.client() as client:
        jobs = _Jobs(client, ground.folders)
        with suppress(TimeoutError):  # the jobs stand still: enough was done
            for number, fault in enumerate(faults):
                told(f"fault {number + 1}/{len(faults)}: {fault}")
                await jobs.keep_up((number + 1) / len(faults))
                await asyncio.sleep(fault.gap_s)
                busy += bool(jobs.open)
                await striker.strike(fault)
        told("waiting for the jobs to end")
        last = time.monotonic()
        with suppress(TimeoutError):  # the check names what did not end
            await jobs.end()
        end_s = time.monotonic() - last
        told("checking")
        wrong, results = await _check(mesh, client, jobs)
    history = read_history(mesh.mesh.data_dir / "valkey")
    findings = check_history(history)
    wrong += findings.wrong
    account = Account(seed, len(faults), busy, findings, end_s, time.monotonic() - began, wrong=wrong)
    account.documents = sum(len(uris_of(folder)) for folder in ground.folders)
    return account, results


async def _check(mesh: RunningMesh, client: Client, jobs: _Jobs) -> tuple[list[str], dict[str, str]]:
    wrong, results = [], {}
    known = {job.name async for job in client.jobs()}
    if known != set(jobs.folders):
        wrong.append(f"{len(known)} jobs are known, {len(jobs.folders)} were submitted")
    for name, folder in jobs.folders.items():
        job = jobs.ended.get(name)
        if job is None:
            wrong.append(f"{name} did not end in time: {await client.job(name)}")
            wrong += [str(stage) for stage in (await client.mesh_status()).stages]
            continue
        wrong += await check_job(client, mesh.target, job, uris_of(folder))
        results.update(await results_of(client, job))
    with broker_client(mesh) as store:
        deadline = time.monotonic() + REST_S
        while (left := check_at_rest(store)) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)  # interest that nobody ended lapses by itself
    return wrong + left, results
