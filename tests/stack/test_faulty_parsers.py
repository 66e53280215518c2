"""A parser that dies, hangs, hears nothing, eats memory or raises fails its document, and nothing else.

Faults 14 and 15 of docs/reliability.md.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.client import JobSpec, JobState, Source, Stage
from tests.support.faulty_plugin import SUFFIX, install
from tests.support.jobs import documents_of, failures, run_job
from tests.support.papers import write_papers
from tests.support.places import ROOT
from tests.support.processes import left_of, tree_of
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from tests.support.running_mesh import RunningMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the sandbox has no limits to rely on"),
]

REASONS = {
    "SEGFAULT": "PARSER_CRASHED",
    "EXIT": "PARSER_CRASHED",
    "HANG": "EXTRACT_TIMEOUT",
    "DEAF": "EXTRACT_TIMEOUT",
    "EAT": "MEMORY_LIMIT",
    "RAISE": "ENGINE_FAILED",
}
TIMEOUT_S = 2


async def test_faults_14_and_15_faulty_parsers_fail_their_documents_alone(tmp_path: Path) -> None:
    """Each fault is a reason of its own; a crash counts after the second try; every other document is done.

    What ignores SIGTERM is dead within its limit and 2 s.
    """
    plugin = install(tmp_path / "plugin")
    folder = tmp_path / "documents"
    papers = write_papers(folder, 998, tag=str(tmp_path))
    for word in (*REASONS, "GOOD"):
        (folder / f"{word.lower()}{SUFFIX}").write_text(f"{word} is the order of this document.\n")
    environ = {
        "PYTHONPATH": os.pathsep.join([str(plugin), str(ROOT)]),
        "COLLATIO_DOCUMENT_TIMEOUT_S": str(TIMEOUT_S),
    }
    async with running_mesh([folder], environ=environ) as mesh, mesh.client() as client:
        before = mesh.pid("extract-work"), mesh.pool("extract")
        deaf: dict[int, list[float]] = {}
        listening = asyncio.create_task(_listen(mesh, deaf))
        job = await run_job(client, JobSpec(sources=[Source(uri=f"{folder.as_uri()}/")]))
        listening.cancel()
        documents = {each.uri.rpartition("/")[2]: each for each in await documents_of(client, job)}
        after = mesh.pid("extract-work"), mesh.pool("extract")
        status = await mesh.status(lambda status: True)
        assert left_of(deaf, within_s=1) == []
    assert job.state == JobState.JOB_STATE_SUCCEEDED
    assert (job.documents.found, job.documents.extracted) == (len(papers) + len(REASONS) + 1, len(papers) + 1)
    assert failures(list(documents.values())) == {
        (folder / f"{word.lower()}{SUFFIX}").as_uri(): reason for word, reason in REASONS.items()
    }
    assert {documents[f"{w.lower()}{SUFFIX}"].error.stage for w in REASONS} == {Stage.STAGE_EXTRACT}
    assert "order of this document" not in str(documents["raise.org"].error)
    assert documents[f"segfault{SUFFIX}"].extract_timing.attempt == 2
    assert documents[f"raise{SUFFIX}"].extract_timing.attempt == 1
    assert after == before, "the sandboxes died, not the workers"
    assert status.stages[1].quarantined == 2
    ((first, last),) = deaf.values()
    assert TIMEOUT_S - 1 < last - first < TIMEOUT_S + 2


async def _listen(mesh: RunningMesh, deaf: dict[int, list[float]]) -> None:
    """Note when each process that hears nothing was first and last seen; SIGUSR2 is ignored by no other."""
    while True:
        for pid in tree_of(mesh.pid("extract-work")):
            if _ignores(pid, signal.SIGUSR2) and _ignores(pid, signal.SIGTERM):
                deaf.setdefault(pid, [time.monotonic(), 0.0])[1] = time.monotonic()
        await asyncio.sleep(0.05)  # the kernel tells of no such change


def _ignores(pid: int, number: signal.Signals) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (number - 1) & 1)
