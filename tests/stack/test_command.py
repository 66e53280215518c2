"""The demo's command over a mesh of its own: `collatio run`, twice over the same data folder."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.places import ROOT, SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

RUN_S = 60.0
OK, SOME_FAILED = 0, 1


async def collatio(*words: str | Path) -> tuple[int, str, str]:
    """Run the command to its end: its status, its data, its talk."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "COLLATIO_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "collatio.cli",
        *map(str, words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ours,
        cwd=ROOT,
    )
    async with asyncio.timeout(RUN_S):
        out, talk = await process.communicate()
    return process.returncode or 0, out.decode(), talk.decode()


def written(folder: Path) -> dict[str, Any]:
    """Read what a run wrote: job.json, and the lines of the others by their name."""
    found: dict[str, Any] = {"job": json.loads((folder / "job.json").read_text("utf-8"))}
    for name in ("extractions", "comparisons", "failures"):
        lines = (folder / f"{name}.jsonl").read_text("utf-8").splitlines()
        found[name] = [json.loads(line) for line in lines]
    return found


async def test_a_second_run_over_unchanged_samples_does_nothing(tmp_path: Path) -> None:
    """The samples give 13 extractions, 78 comparisons and a failure; the counts say that nothing is redone."""
    words = ("run", SAMPLES, "--data", tmp_path / "data")
    status, _, talk = await collatio(*words, "-o", tmp_path / "first")
    assert status == SOME_FAILED, talk
    status, out, talk = await collatio(*words, "-o", tmp_path / "second", "--fail-on", "none")
    assert status == OK, talk
    assert str(tmp_path / "second" / "report.html") in out
    first, second = written(tmp_path / "first"), written(tmp_path / "second")
    assert [len(first[name]) for name in ("extractions", "comparisons", "failures")] == [14, 78, 1]
    documents, comparisons = first["job"]["documents"], first["job"]["comparisons"]
    assert (documents["extracted"], documents["failed"]) == (13, 1)
    assert (documents["extractReused"], comparisons["reused"]) == (0, 0)
    documents, comparisons = second["job"]["documents"], second["job"]["comparisons"]
    assert (documents["fetchReused"], documents["extractReused"], comparisons["reused"]) == (14, 13, 78)
    assert first["comparisons"] == second["comparisons"]
    assert first["extractions"] == second["extractions"]


async def test_extract_answers_for_every_file_on_stdout(tmp_path: Path) -> None:
    """A line a document, in a stable order, nothing else on stdout; the broken one says why."""
    status, out, _ = await collatio("extract", SAMPLES / "contracts", SAMPLES / "notes")
    assert status == SOME_FAILED
    lines = [json.loads(line) for line in out.splitlines()]
    folders = (SAMPLES / "contracts", SAMPLES / "notes")
    wanted = {path.as_uri() for folder in folders for path in folder.iterdir()}
    assert {line["uri"] for line in lines} == wanted
    failed = [line for line in lines if line.get("error")]
    assert [line["error"]["reason"] for line in failed] == ["DOCUMENT_CORRUPT"]
    assert all(line["text"] for line in lines if line not in failed)
