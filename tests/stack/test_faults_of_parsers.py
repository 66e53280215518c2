"""Faults 14 and 15 of docs/reliability.md: a parser that dies, and one that hears nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.client import JobSpec, JobState, Source
from tests.support.faulty_plugin import SUFFIX, install
from tests.support.jobs import documents_of, failures, run_job
from tests.support.papers import write_papers
from tests.support.places import ROOT
from tests.support.processes import tree_of
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from tests.support.running_mesh import RunningMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the sandbox has no limits to rely on"),
]

COUNT = 300
TIMEOUT_S = 2


async def test_faults_14_and_15_parsers_that_crash_or_are_deaf(tmp_path: Path) -> None:
    """A crash fails its document after the second try, deafness after its time, and the others are done.

    What ignores SIGTERM is dead, whole, within its limit and 2 s; no worker dies of either.
    """
    plugin = install(tmp_path / "plugin")
    folder = tmp_path / "documents"
    write_papers(folder, COUNT, tag=str(tmp_path), paragraphs=2)
    orders = {"SEGFAULT": "PARSER_CRASHED", "EAT": "MEMORY_LIMIT", "DEAF": "EXTRACT_TIMEOUT"}
    for word in orders:
        (folder / f"{word.lower()}{SUFFIX}").write_text(f"{word} is the order of this document.\n")
    environ = {
        "PYTHONPATH": os.pathsep.join([str(plugin), str(ROOT)]),
        "COLLATIO_DOCUMENT_TIMEOUT_S": str(TIMEOUT_S),
    }
    async with running_mesh([folder], environ=environ) as mesh, mesh.client() as client:
        workers = mesh.pid("extract-work"), mesh.pool("extract")
        deaf: dict[int, list[float]] = {}
        listening = asyncio.create_task(_listen(mesh, deaf))
        job = await run_job(client, JobSpec(sources=[Source(uri=f"{folder.as_uri()}/")]))
        listening.cancel()
        documents = {each.uri.rpartition("/")[2]: each for each in await documents_of(client, job)}
        assert workers == (mesh.pid("extract-work"), mesh.pool("extract"))
        idle = len(tree_of(mesh.pid("extract-work")))
    assert (job.state, job.documents.extracted) == (JobState.JOB_STATE_SUCCEEDED, COUNT)
    assert failures(list(documents.values())) == {
        (folder / f"{word.lower()}{SUFFIX}").as_uri(): reason for word, reason in orders.items()
    }
    assert documents[f"segfault{SUFFIX}"].extract_timing.attempt == 2
    longest = max(last - first for first, last in deaf.values())
    assert TIMEOUT_S - 1 < longest < TIMEOUT_S + 2
    assert idle == 1 + 2 * len(workers[1]), (
        "the pool, and a warm parent of sandboxes for each of its children"
    )


async def _listen(mesh: RunningMesh, deaf: dict[int, list[float]]) -> None:
    """Note when each process below the worker that ignores SIGTERM was first and last seen."""
    known = set(tree_of(mesh.pid("extract-work")))
    while True:
        for pid in set(tree_of(mesh.pid("extract-work"))) - known:
            if _ignores(pid, signal.SIGTERM):
                deaf.setdefault(pid, [time.monotonic(), 0.0])[1] = time.monotonic()
        await asyncio.sleep(0.05)  # the kernel tells of no such change


def _ignores(pid: int, number: signal.Signals) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (number - 1) & 1)
