"""`python -m tests.chaos.soak`: a mesh left running under a steady trickle of jobs, with a kill every 10 s.

`MINUTES` in the environment says how long. No process may grow by more than 20 MiB after the warm-up, the store's
keys must return to their base once what was made has expired or been deleted, and no file and no process may stay
behind. A program that is killed begins anew, so growth is that of one process from the end of its own warm-up on.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.documents import spec_of, write_documents
from tests.chaos.faults import Fault, Striker, broker_client
from tests.chaos.history import STAGES
from tests.support.jobs import run_job
from tests.support.processes import tree_of
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from collatio.client import Client
    from tests.support.running_mesh import RunningMesh

KILL_EVERY_S = 10.0
LOOK_EVERY_S = 5.0
KEPT_S = 60
FORGOTTEN_S = 15 * 60.0
SHORT_LIVES = {
    "COLLATIO_STEP_TTL_S": f"{KEPT_S}",
    "COLLATIO_RECORD_TTL_S": f"{KEPT_S}",
    "COLLATIO_BLOB_TTL_S": f"{KEPT_S}",
    "COLLATIO_COLLECT_EVERY_S": f"{KEPT_S}",
}
"""Everything is forgotten within a minute, but for what the ledger keeps of its events: ten."""
WARM_UP_S = 60.0
GROWTH_MAX = 20 << 20
DOCUMENTS = 12
KILLS = ("kill worker", "kill child", "kill server", "kill gateway")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Life:
    """One process's memory and open files, from the end of its warm-up on."""

    name: str
    born: float
    base_rss: int = 0
    most_rss: int = 0
    base_fds: int = 0
    last_fds: int = 0

    @property
    def growth(self) -> int:
        """Bytes by which it grew."""
        return self.most_rss - self.base_rss if self.base_rss else 0


@dataclass(slots=True)
class Watch:
    """What was seen of every process."""

    lives: dict[tuple[int, str], Life] = field(default_factory=dict)
    most_processes: int = 0

    def look(self, mesh: RunningMesh) -> None:
        """Read every process's memory and open files."""
        now = time.monotonic()
        programs = {each.name: each.pid for each in mesh.mesh.processes() if each.pid}
        seen = 0
        for name, root in programs.items():
            for pid in [root] if name == "supervisor" else tree_of(root):
                seen += 1
                self._note(pid, name if pid == root else f"{name} (child)", now)
        self.most_processes = max(self.most_processes, seen)

    def _note(self, pid: int, name: str, now: float) -> None:
        try:
            rss = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE
            fds = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
            begun = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
        except (FileNotFoundError, ProcessLookupError):
            return
        life = self.lives.setdefault((pid, begun), Life(name, now))  # an id is given again within the hour
        life.last_fds = fds
        if now - life.born < WARM_UP_S:
            return
        if not life.base_rss:
            life.base_rss, life.base_fds = rss, fds
        life.most_rss = max(life.most_rss, rss)


async def trickle(client: Client, root: Path, until: float, done: Counter[str]) -> None:
    """Run one small job after the other, each over new documents, and delete it."""
    while time.monotonic() < until:
        number = done["jobs"]
        (folder,) = write_documents(root / f"trickle-{number}", 1, DOCUMENTS, tag=str(number))
        job = await run_job(client, spec_of(folder), within_s=120)
        done[str(job.state)] += 1
        await client.delete(job.name)
        done["jobs"] += 1
        await asyncio.sleep(0.5)


async def kills(mesh: RunningMesh, until: float, done: Counter[str]) -> None:
    """Kill something every ten seconds."""
    drawn, striker = random.Random(1), Striker(mesh)
    while time.monotonic() < until:
        await asyncio.sleep(KILL_EVERY_S)
        kind = drawn.choice(KILLS)
        await striker.strike(Fault(kind, drawn.choice(STAGES), 0, 0, drawn.randrange(100)))
        done[kind] += 1


async def looks(mesh: RunningMesh, until: float, watch: Watch) -> None:
    """Look at every process now and then."""
    while time.monotonic() < until:
        watch.look(mesh)
        left = until - time.monotonic()
        if sys.stderr.isatty():
            print(f"\r\x1b[K{left:.0f} s left", end="", file=sys.stderr, flush=True)
        await asyncio.sleep(LOOK_EVERY_S)


async def forgotten(mesh: RunningMesh, base: int) -> tuple[int, float]:
    """Wait until the store holds no more keys than at first; how many are left, and after how many seconds."""
    began = time.monotonic()
    with broker_client(mesh) as store:
        while (left := int(store.dbsize())) > base and time.monotonic() - began < FORGOTTEN_S:
            await asyncio.sleep(LOOK_EVERY_S)
        return left, time.monotonic() - began


async def main() -> int:
    """Run, look, and tell; exit status 1 if anything grew or stayed behind."""
    minutes = float(os.environ.get("MINUTES", "30"))
    done: Counter[str] = Counter()
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        root = Path(folder)
        async with running_mesh([root], environ=SHORT_LIVES) as mesh, mesh.client() as client:
            await trickle(client, root, time.monotonic() + 5, done)  # what is made once is made now
            with broker_client(mesh) as store:
                base = int(store.dbsize())
            processes = Watch()
            processes.look(mesh)
            until = time.monotonic() + minutes * 60
            async with asyncio.TaskGroup() as group:
                group.create_task(trickle(client, root, until, done))
                group.create_task(kills(mesh, until, done))
                group.create_task(looks(mesh, until, watch))
            await mesh.whole()
            left, after_s = await forgotten(mesh, base)
            after = Watch()
            after.look(mesh)
            temporary = list((mesh.mesh.data_dir / "blobs" / "incoming").iterdir())
    print(f"{base:,} keys after the first jobs, {left:,} in the end, {after_s:.0f} s after the last")
    return (
        1
        if _tell(watch, done, left - base, temporary, after.most_processes - processes.most_processes)
        else 0
    )


def _tell(watch: Watch, done: Counter[str], keys: int, temporary: list[Path], processes: int) -> list[str]:
    """Print what was seen; returns what is wrong."""
    print(f"\n{done['jobs']} jobs of {DOCUMENTS} documents; " + ", ".join(f"{k}: {done[k]}" for k in KILLS))
    print(
        "| process | lives | longest watched | grew at most | open files, most grown |\n|---|---|---|---|---|"
    )
    grew = 0
    for name in sorted({life.name for life in watch.lives.values()}):
        lives = [life for life in watch.lives.values() if life.name == name]
        watched = [life for life in lives if life.base_rss]
        growth = max((life.growth for life in watched), default=0)
        grew = max(grew, growth)
        fds = max((life.last_fds - life.base_fds for life in watched), default=0)
        print(
            f"| {name} | {len(lives)} | {len(watched)} past warm-up | {growth / 2**20:.1f} MiB | {fds:+d} |"
        )
    wrong = []
    if grew > GROWTH_MAX:
        wrong.append(f"a process grew by {grew / 2**20:.1f} MiB")
    if keys > 0:
        wrong.append(f"{keys} keys more than at the start")
    if temporary:
        wrong.append(f"{len(temporary)} temporary files were left behind")
    if processes > 0:
        wrong.append(f"{processes} processes more than at the start")
    for sentence in wrong:
        print(f"  WRONG: {sentence}")
    return wrong


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
