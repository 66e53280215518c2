"""The page on grpcurl and buf does what it says, block by block, and Go's module is what the protos make."""

from __future__ import annotations

import asyncio
import filecmp
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.places import ROOT

if TYPE_CHECKING:
    from tests.support.running_mesh import RunningMesh

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

PAGE = ROOT / "docs" / "grpcurl.md"
GO = ROOT / "examples" / "clients" / "go"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_S = 120.0


def blocks(mesh: RunningMesh) -> list[str]:
    """Read the page's blocks, for a mesh at another address."""
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    return [block.replace("localhost:50050", mesh.target) for block in found]


async def ran(argv: list[str], cwd: Path, **env: str) -> str:
    """Run a command, which must succeed, and return what it printed."""
    path = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env={**os.environ, **env, "PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(RUN_S):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_page_on_grpcurl_does_what_it_says(mesh: RunningMesh) -> None:
    """Every block runs, in order, in the folder of the clone, and shows what its words promise."""
    for tool in ("grpcurl", "buf"):
        if shutil.which(tool, path=str(Path(sys.prefix) / "bin")) is None and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: make test brings it where there is a build of it")
    script = "set -eu\n" + "\necho '=== next'\n".join(blocks(mesh))
    shown = (await ran(["sh", "-c", script], ROOT, EXTRACT=mesh.stage("extract"))).split("=== next\n")
    look, create, watch, get, listed, whole, csv, blob, again, errors, buf, stage = shown
    assert "service JobService {" in look
    assert '"name": "jobs/by-hand"' in create
    assert watch.count('"JOB_STATE_SUCCEEDED"') == 2  # the change, and the last snapshot
    assert get.count('"name": "jobs/by-hand"') == 2
    assert "DOCUMENT_STATE_FAILED" in listed
    assert '"changes": [' in listed
    assert '"text": "' in whole
    assert csv.startswith("uri,mediaType,pages,words,")
    assert '"data": "aGVsbG8="' in blob
    assert "JOB_STATE" not in again
    assert all(word in errors for word in ("INVALID_REQUEST", "job.spec.sources[0]", "job.spec.timeout"))
    assert '"jobs"' in buf or buf.strip() == "{}"
    assert '"Total"' in stage


async def test_go_s_module_is_what_the_protos_make(tmp_path: Path) -> None:
    """What is committed is what `generate.sh` makes of the protos of today."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed: its module is not made again")
    await ran(["sh", str(GO / "generate.sh"), str(tmp_path)], ROOT, PYTHON=sys.executable)
    made, kept = tmp_path / "collatio" / "v1", GO / "collatio" / "v1"
    found = filecmp.dircmp(made, kept)
    assert not found.left_only + found.right_only + found.diff_files, (
        "run: sh examples/clients/go/generate.sh"
    )
