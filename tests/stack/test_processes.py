"""What `ps` shows of a mesh, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.client import CompareSpec, JobSpec, JobState, Source
from collatio.runtime.queue.app import make_app
from tests.support.jobs import run_job
from tests.support.places import ROOT, SAMPLES
from tests.support.processes import children_of, command_of, left_of, tree_of
from tests.support.running_mesh import running_mesh
from tests.support.valkey import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running_mesh import RunningMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc, which is Linux's"),
]

STOP_S = 10.0
UP_S = 60.0
INTERRUPTED = 130
PROGRAMS = {
    "supervisor": r"collatio\.local\.supervise",
    "valkey": r"valkey-server|redis-server",
    "gateway": r"-m gateway serve",
    **{f"{stage}-serve": rf"-m {stage}_svc serve" for stage in ("fetch", "extract", "compare")},
    **{f"{stage}-work": rf"-m {stage}_svc work" for stage in ("fetch", "extract", "compare")},
}
CONTRACTS = JobSpec(
    sources=[Source(uri=f"{SAMPLES.as_uri()}/contracts/", include=["*v1.*"])], compare=CompareSpec()
)


async def test_ps_shows_separate_processes(mesh: RunningMesh) -> None:
    """Valkey, four servers and three worker pools are processes of their own, each pool with its children."""
    processes = {each.name: each for each in mesh.mesh.processes()}
    assert set(processes) == set(PROGRAMS)
    assert len({each.pid for each in processes.values()}) == len(PROGRAMS)
    for name, pattern in PROGRAMS.items():
        assert re.search(pattern, command_of(processes[name].pid)), command_of(processes[name].pid)
    for stage, count in (("fetch", 1), ("extract", 2), ("compare", 2)):
        children = children_of(processes[f"{stage}-work"].pid)
        assert len(children) == count
        assert all(re.search(PROGRAMS[f"{stage}-work"], command_of(child)) for child in children)


async def test_servers_run_no_celery_pool_and_workers_serve_no_port(mesh: RunningMesh) -> None:
    """A server has no children, and a worker listens nowhere: the two scale apart."""
    for stage in ("fetch", "extract", "compare"):
        assert not children_of(mesh.pid(f"{stage}-serve"))
        assert not listening(mesh.pid(f"{stage}-work"))
        assert listening(mesh.pid(f"{stage}-serve"))


async def test_celerys_own_tools_reach_the_workers(mesh: RunningMesh) -> None:
    """`celery inspect`, and Flower, find each stage's worker under its name."""
    for stage in ("fetch", "extract", "compare"):
        app = make_app(stage, mesh.layout.state_url)
        found = await asyncio.to_thread(app.control.inspect(limit=1, timeout=10).ping)
        app.close()
        (worker,) = found
        assert worker.startswith(f"{stage}-{mesh.pid(f'{stage}-work')}@")


def listening(pid: int) -> set[str]:
    """List the addresses a process listens on: sockets in the state 0A of proc(5)'s table that it holds."""
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()[1:]
    ]
    listening_here = {f"socket:[{row[9]}]": row[1] for row in rows if row[3] == "0A"}
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed while we looked
            held.add(str(descriptor.readlink()))
    return {listening_here[name] for name in held & listening_here.keys()}


async def test_a_stop_leaves_no_process_and_no_folder() -> None:
    """After work was done, everything ends within ten seconds, sandboxes and pool children included."""
    async with running_mesh([SAMPLES]) as mesh:
        async with mesh.client() as client:
            assert (await run_job(client, CONTRACTS)).state == JobState.JOB_STATE_SUCCEEDED
        everything = tree_of(mesh.pid("supervisor"))
        folder = mesh.mesh.data_dir
        assert len(everything) > len(PROGRAMS) + 5
        begun = time.monotonic()
    assert time.monotonic() - begun < STOP_S
    assert not left_of(everything, 0)
    assert not folder.exists()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`collatio up`, starting."""
    argv = [sys.executable, "-m", "collatio.cli", "up", "--port", str(free_port())]
    argv += ["--data", str(tmp_path / "data")]
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "COLLATIO_"))}
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ours, cwd=ROOT
    ) as command:
        yield command
        command.kill()


async def test_ctrl_c_stops_the_mesh_within_ten_seconds(up: subprocess.Popen[str]) -> None:
    """An interrupted `collatio up` takes every process with it."""
    assert up.stdout is not None
    ready, _, _ = await asyncio.to_thread(select.select, [up.stdout], [], [], UP_S)
    assert ready, "it says where it serves"
    assert "127.0.0.1:" in up.stdout.readline()
    everything = tree_of(up.pid)
    assert len(everything) > len(PROGRAMS)
    begun = time.monotonic()
    up.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(up.wait, STOP_S) == INTERRUPTED
    assert time.monotonic() - begun < STOP_S
    assert not left_of(everything, 1)
