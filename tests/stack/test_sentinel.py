"""Fault 12 of docs/reliability.md as it happens: Sentinels put a replica that was behind in the primary's place."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from collatio.runtime import failpoints
from tests.chaos.checker import check_job
from tests.chaos.documents import spec_of, uris_of, write_documents
from tests.support.running_mesh import running_mesh
from tests.support.watched_valkey import watched_valkey

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="ties processes' lives as Linux does"),
]

COUNT = 40
END_S = 90.0
WORKERS = ("fetch-work", "extract-work", "compare-work")


@pytest.mark.parametrize("behind", [False, True], ids=["in step", "behind"])
async def test_fault_12_sentinels_fail_over(tmp_path: Path, behind: bool) -> None:
    """Servers and workers follow the primary by themselves; a job told of what was lost ends complete all the same."""
    (folder,) = write_documents(tmp_path / "papers", 1, COUNT, tag="sentinel")
    points = tmp_path / "points"
    points.mkdir()
    (tmp_path / "valkeys").mkdir()
    environ = {"COLLATIO_FAILPOINTS": str(points)}
    with watched_valkey(tmp_path / "valkeys") as store:
        async with (
            running_mesh([tmp_path], environ=environ, valkey_url=store.url) as mesh,
            mesh.client() as client,
        ):
            workers = [mesh.pid(name) for name in WORKERS]
            failpoints.arm(points, "worker.step.begun", "delay 3 in=extract_svc after=2")
            job = await client.submit(spec_of(folder))
            async with asyncio.timeout(END_S):
                while failpoints.taken(points, "worker.step.begun") is None:
                    await asyncio.sleep(0.01)  # another process leaves a file
                if behind:
                    store.part()
                while (await client.job(job.name)).documents.extracted < COUNT // 2:
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(store.fail_over)
                job = await client.wait(job.name)
            assert await check_job(client, mesh.target, job, uris_of(folder)) == []
            assert [mesh.pid(name) for name in WORKERS] == workers, "they follow the primary"
            log = (mesh.mesh.data_dir / "logs" / "gateway.log").read_text("utf-8")
            assert ("the state store lost writes that it had acknowledged" in log) == behind
