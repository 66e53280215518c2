"""The embedded mesh starts, mends itself and stops without leaving anything, whatever dies.

Valkey and the supervising process are the real ones; servers and workers are `stand_in.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from collatio.local.config import MeshConfig
from collatio.local.environ import plain
from collatio.local.mesh import LocalMesh
from collatio.local.plan import Rank
from collatio.local.program import Program
from collatio.local.ready import wait_serving
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from collatio.local.program import ProcessStatus
    from collatio.local.services import Layout

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(sys.platform != "linux", reason="watches processes by pidfd, which is Linux's"),
]

STAND_IN = Path(__file__).resolve().parents[1] / "unit" / "local" / "stand_in.py"
STOP_S = 10.0


def stand_in(layout: Layout, name: str, rank: Rank, *args: str, retries: int = 5) -> Program:
    """Make a program that plays one part of the stand-in."""
    env = {**plain(layout.environ), "COLLATIO_DATA_DIR": str(layout.folder.path)}
    ready = partial(wait_serving, args[1], ("",)) if args[0] == "serve" else None
    return Program(name, (sys.executable, str(STAND_IN), *args), env, rank, ready, retries)


def small_mesh(layout: Layout) -> list[Program]:
    """Make a mesh of each kind of program once."""
    return [
        stand_in(layout, "gateway", Rank.SERVER, "serve", layout.gateway),
        stand_in(layout, "extract-serve", Rank.SERVER, "serve", layout.stages["extract"]),
        stand_in(layout, "extract-work", Rank.WORKER, "work"),
    ]


def one(name: str, rank: Rank, *args: str, retries: int = 5) -> Callable[[Layout], Sequence[Program]]:
    """Make a mesh of one program besides Valkey."""
    return lambda layout: [stand_in(layout, name, rank, *args, retries=retries)]


def pid_of(mesh: LocalMesh, name: str) -> int:
    """Find a program's process id, 0 where it has none."""
    return next(each.pid for each in mesh.processes() if each.name == name)


async def state_reached(mesh: LocalMesh, fits: Callable[[ProcessStatus], bool]) -> ProcessStatus:
    """Wait for a change that fits."""
    async for status in mesh.changes():
        if fits(status):
            return status
    raise AssertionError("the mesh ended first")


def gone(pids: Iterable[int], within_s: float) -> bool:
    """Wait for processes of others to end."""
    deadline = time.monotonic() + within_s
    for pid in pids:
        try:
            watched = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ready, _, _ = select.select([watched], [], [], max(0.0, deadline - time.monotonic()))
        os.close(watched)
        if not ready:
            return False
    return True


def forked_by_worker(data_dir: Path, count: int = 2) -> list[int]:
    """Read the ids of the children that the stand-in worker forked last."""
    return [int(line) for line in (data_dir / "logs" / "children").read_text().split()][-count:]


async def worker_forked(data_dir: Path, total: int) -> None:
    """Wait until the stand-in workers have told of this many children in all."""
    while True:
        log = data_dir / "logs" / "children"
        if log.exists() and log.read_text().count("\n") >= total:
            return
        await asyncio.sleep(0.01)


async def test_a_mesh_serves_and_leaves_nothing_behind() -> None:
    """Every program runs and serves in the context; after it no process and no folder is left."""
    async with asyncio.timeout(30):
        async with LocalMesh(MeshConfig(), programs=small_mesh) as mesh:
            await wait_serving(mesh.gateway_target, ("", "collatio.v1.JobService"))
            await worker_forked(mesh.data_dir, 2)
            names = [each.name for each in mesh.processes()]
            pids = [each.pid for each in mesh.processes()] + forked_by_worker(mesh.data_dir)
            assert names == ["supervisor", "valkey", "gateway", "extract-serve", "extract-work"]
            assert all(pids)
    assert gone(pids, 0)
    assert not mesh.data_dir.exists()


async def test_ctrl_c_in_the_terminal_reaches_no_program() -> None:
    """The stop is in order because only the command hears the terminal."""
    async with LocalMesh(MeshConfig(), programs=small_mesh) as mesh:
        pids = [each.pid for each in mesh.processes()]
        assert os.getsid(0) not in {os.getsid(pid) for pid in pids}
        assert len({os.getpgid(pid) for pid in pids}) == len(pids)


@pytest.mark.parametrize("name", ["valkey", "gateway", "extract-serve", "extract-work"])
async def test_a_program_killed_while_starting_is_back_in_two_seconds(name: str) -> None:
    """An early death costs supervisor's one second of patience and no more."""
    async with LocalMesh(MeshConfig(), programs=small_mesh) as mesh:
        killed = pid_of(mesh, name)
        back = asyncio.create_task(state_reached(mesh, lambda s: s.name == name and s.pid not in {0, killed}))
        await asyncio.sleep(0)
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(3):
            assert (await back).restarts == 1
        if name == "gateway":
            async with asyncio.timeout(10):
                await wait_serving(mesh.gateway_target, ("collatio.v1.JobService",))


async def test_a_settled_program_that_is_killed_is_back_at_once() -> None:
    """A killed server, pool or Valkey is replaced within half a second, one after the other."""
    async with LocalMesh(MeshConfig(), programs=small_mesh) as mesh, asyncio.timeout(30):
        async for _ in mesh.changes():
            if all(each.state == "running" for each in mesh.processes()):
                break
        for name in ("valkey", "gateway", "extract-serve", "extract-work"):
            killed = pid_of(mesh, name)
            fits = partial(lambda n, k, s: s.name == n and s.pid not in {0, k}, name, killed)
            back = asyncio.create_task(state_reached(mesh, fits))
            await asyncio.sleep(0)
            begun = time.monotonic()
            os.kill(killed, signal.SIGKILL)
            await back
            assert time.monotonic() - begun < 1.0


async def test_a_killed_worker_takes_its_pool_with_it() -> None:
    """Children of a dead pool do not work on beside the new one; what left the group ends with the mesh."""
    async with LocalMesh(MeshConfig(), programs=small_mesh) as mesh:
        async with asyncio.timeout(10):
            await worker_forked(mesh.data_dir, 2)
        pool_child, escaped = forked_by_worker(mesh.data_dir)
        os.kill(pid_of(mesh, "extract-work"), signal.SIGKILL)
        assert gone([pool_child], 2)
        assert not gone([escaped], 0)
    assert gone([escaped], 0)


async def test_hung_programs_are_killed_within_ten_seconds() -> None:
    """A server and a worker that ignore SIGTERM hold nobody up."""

    def hung(layout: Layout) -> list[Program]:
        return [
            stand_in(layout, "gateway", Rank.SERVER, "stubborn"),
            stand_in(layout, "extract-work", Rank.WORKER, "stubborn"),
        ]

    async with LocalMesh(MeshConfig(), programs=hung) as mesh:
        pids = [each.pid for each in mesh.processes()]
        stubborn = pid_of(mesh, "gateway"), pid_of(mesh, "extract-work")
        async with asyncio.timeout(10):
            while not all(ignores_sigterm(pid) for pid in stubborn):
                await asyncio.sleep(0.01)
        begun = time.monotonic()
    assert time.monotonic() - begun < STOP_S
    assert gone(pids, 0)


def ignores_sigterm(pid: int) -> bool:
    """Read from the kernel whether a process has come to ignore SIGTERM (proc(5), SigIgn)."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn")), 16)
    return bool(mask >> (signal.SIGTERM - 1) & 1)


async def test_programs_stop_in_order_of_rank() -> None:
    """Servers end before workers, Valkey last, so nothing loses its store while it finishes."""
    mesh = LocalMesh(MeshConfig(), programs=small_mesh)
    async with mesh:

        async def stopped() -> list[str]:
            return [each.name async for each in mesh.changes() if each.state == "stopped"]

        noting = asyncio.create_task(stopped())
        await asyncio.sleep(0)
    ended = await noting
    assert set(ended[:2]) == {"gateway", "extract-serve"}
    assert ended[2:] == ["extract-work", "valkey"]


async def test_an_interrupted_stop_still_ends_everything() -> None:
    """A second Ctrl-C frees the caller; the supervising process finishes by itself."""
    mesh = LocalMesh(MeshConfig(), programs=small_mesh)
    await mesh.__aenter__()
    await worker_forked(mesh.data_dir, 2)
    pids = [each.pid for each in mesh.processes()] + forked_by_worker(mesh.data_dir)
    stop = asyncio.create_task(mesh.__aexit__(None, None, None))
    await asyncio.sleep(0)
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert await asyncio.to_thread(gone, pids, STOP_S)
    await mesh.__aexit__(None, None, None)
    assert not mesh.data_dir.exists()


COMMAND = """
import asyncio, json, sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from test_local_mesh import LocalMesh, MeshConfig, forked_by_worker, small_mesh, worker_forked

async def main():
    async with LocalMesh(MeshConfig(), programs=small_mesh) as mesh:
        await worker_forked(mesh.data_dir, 2)
        pids = [each.pid for each in mesh.processes()] + forked_by_worker(mesh.data_dir)
        print(json.dumps([str(mesh.data_dir), pids]), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_command(signum: signal.Signals) -> None:
    """However the command dies, every process and the temporary folder are gone within 10 s."""
    here = Path(__file__).resolve()
    argv = [sys.executable, "-c", COMMAND, str(here.parent), str(here.parents[2])]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as command:
        assert command.stdout is not None
        data_dir, pids = json.loads(command.stdout.readline())
        command.send_signal(signum)
        try:
            command.wait(STOP_S)
        finally:
            command.kill()
        assert gone(pids, STOP_S)
    assert not Path(data_dir).exists()


async def test_a_killed_supervisor_fails_the_mesh_and_leaves_nothing() -> None:
    """The programs die with it, and the caller is told."""
    async with LocalMesh(MeshConfig(), programs=one("extract-work", Rank.WORKER, "silent")) as mesh:
        pids = [each.pid for each in mesh.processes()]
        os.kill(pids[0], signal.SIGKILL)
        async with asyncio.timeout(5):
            failure = await mesh.wait_failed()
        assert failure.message.startswith("supervisor ended")
        assert gone(pids, 2)
    assert not mesh.data_dir.exists()


async def test_a_program_that_cannot_start_fails_the_start_with_its_words() -> None:
    """The error is one line, quotes the program and comes at once, and nothing is left."""

    def broken(layout: Layout) -> list[Program]:
        gateway = stand_in(layout, "gateway", Rank.SERVER, "broken")
        return [replace(gateway, ready=partial(wait_serving, layout.gateway, ("",)))]

    mesh = LocalMesh(MeshConfig(), programs=broken)
    begun = time.monotonic()
    with pytest.raises(CollatioError) as caught:
        await mesh.__aenter__()
    assert time.monotonic() - begun < 5
    assert caught.value.reason is Reason.STAGE_UNAVAILABLE
    assert caught.value.message == "gateway ended and will not run: a setting is missing"
    assert gone([each.pid for each in mesh.processes() if each.pid], 0)


async def test_a_program_that_never_serves_is_named_after_the_timeout(tmp_path: Path) -> None:
    """The person learns who is late, how long was waited and where the log is."""

    def late(layout: Layout) -> list[Program]:
        silent = stand_in(layout, "gateway", Rank.SERVER, "silent")
        return [replace(silent, ready=partial(wait_serving, layout.gateway, ("",)))]

    with pytest.raises(CollatioError) as caught:
        await LocalMesh(MeshConfig(data_dir=tmp_path, start_timeout_s=1), programs=late).__aenter__()
    assert caught.value.message == (
        f"gateway did not serve within 1 s: it said nothing (log: {tmp_path}/logs/gateway.log)"
    )


async def test_a_program_that_dies_again_and_again_fails_the_mesh() -> None:
    """What cannot be mended is told, not retried for ever."""
    programs = one("extract-work", Rank.WORKER, "silent", retries=0)
    async with LocalMesh(MeshConfig(), programs=programs) as mesh:
        os.kill(pid_of(mesh, "extract-work"), signal.SIGKILL)
        async with asyncio.timeout(5):
            failure = await mesh.wait_failed()
    assert failure.reason is Reason.STAGE_UNAVAILABLE
    assert failure.message.startswith("extract-work ended and will not run")


async def test_a_port_in_use_stops_the_start_before_it_begins() -> None:
    """The person learns the port and what to do."""
    async with LocalMesh(MeshConfig(), programs=small_mesh) as mesh:
        port = int(mesh.gateway_target.rpartition(":")[2])
        with pytest.raises(CollatioError, match=f"port {port} on 127.0.0.1 is in use"):
            await LocalMesh(MeshConfig(port=port), programs=small_mesh).__aenter__()


async def test_two_meshes_never_share_a_data_folder(tmp_path: Path) -> None:
    """The second one is refused and the first one is not disturbed."""
    programs = one("gateway", Rank.SERVER, "silent")
    async with LocalMesh(MeshConfig(data_dir=tmp_path), programs=programs) as mesh:
        with pytest.raises(CollatioError, match="in use by another mesh"):
            await LocalMesh(MeshConfig(data_dir=tmp_path), programs=programs).__aenter__()
        assert pid_of(mesh, "gateway")


async def test_the_ledger_survives_in_a_data_folder_of_any_name(tmp_path: Path) -> None:
    """What Valkey was told in one run is there in the next, spaces, quotes and percents in the path included."""
    data_dir = tmp_path / 'my "100%" data'
    seen: list[Layout] = []

    def nothing(layout: Layout) -> list[Program]:
        seen.append(layout)
        return []

    async with LocalMesh(MeshConfig(data_dir=data_dir), programs=nothing):
        with redis.Redis.from_url(seen[-1].state_url) as store:
            store.set("ledger", "kept")
    async with LocalMesh(MeshConfig(data_dir=data_dir), programs=nothing):
        with redis.Redis.from_url(seen[-1].state_url) as store:
            assert store.get("ledger") == b"kept"
            assert store.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


async def test_a_broken_ledger_is_said_in_one_line(tmp_path: Path) -> None:
    """A data folder whose append-only file cannot be read names the file's trouble and the log."""
    programs = one("gateway", Rank.SERVER, "silent")
    async with LocalMesh(MeshConfig(data_dir=tmp_path), programs=programs):
        pass
    (tmp_path / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(CollatioError) as caught:
        await LocalMesh(MeshConfig(data_dir=tmp_path), programs=programs).__aenter__()
    assert caught.value.reason is Reason.STATE_STORE_UNAVAILABLE
    assert caught.value.message.startswith("valkey ended and will not run: ")
    assert "\n" not in caught.value.message
    assert str(tmp_path / "logs" / "valkey.log") in caught.value.message
