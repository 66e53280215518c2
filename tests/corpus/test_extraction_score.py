"""The engine against the shared corpus: floors for recall, tables and pages, and clear ends for hostile files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_SHARED = (_ROOT / "../shared").resolve()
_DRIVER = _ROOT / "tests/benchmarks/extract_corpus.py"
_EVERY_KIND = 0.93
_TOTAL = 0.988
_TABLES, _PAGES = 143, 42

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not (_SHARED / "corpus/documents/manifest.jsonl").exists(),
        reason="needs the corpus at ../shared/corpus",
    ),
]


def _extract(manifest: Path, out: Path, *, seed: int) -> None:
    """Run the driver in a process of its own, under its own order of sets."""
    command = [sys.executable, str(_DRIVER), str(manifest), "-o", str(out), "--digests"]
    subprocess.run(command, check=True, timeout=600, env={**os.environ, "PYTHONHASHSEED": str(seed)})


def _score(manifest: Path, folder: Path) -> dict[str, dict[str, int]]:
    out = folder / "out.jsonl"
    _extract(manifest, out, seed=1)
    scorer = _SHARED / "tools/score_extraction.py"
    done = subprocess.run(
        [sys.executable, str(scorer), str(manifest), str(out), "--json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    score: dict[str, dict[str, int]] = json.loads(done.stdout)
    return score


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold what was extracted of the documents."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="module")
def score(folder: Path) -> dict[str, dict[str, int]]:
    """Extract and score the documents once."""
    return _score(_SHARED / "corpus/documents/manifest.jsonl", folder)


@pytest.mark.usefixtures("score")
def test_two_runs_give_the_same_extractions(folder: Path) -> None:
    """Another process, with another order of sets, makes every extraction the same to the last box."""
    _extract(_SHARED / "corpus/documents/manifest.jsonl", folder / "again.jsonl", seed=2)
    assert (folder / "again.jsonl").read_bytes() == (folder / "out.jsonl").read_bytes()


def test_recall_holds_in_every_kind(score: dict[str, dict[str, int]]) -> None:
    """No kind of document falls below its floor, nor all of them together."""
    recall = {kind: c["found"] / c["snippets"] for kind, c in score.items() if c.get("snippets")}
    assert recall.pop("TOTAL") >= _TOTAL
    assert {kind: share for kind, share in recall.items() if share < _EVERY_KIND} == {}


def test_every_document_is_answered(score: dict[str, dict[str, int]]) -> None:
    """Each document has a line, none an error of ours."""
    assert score["TOTAL"]["answered"] == score["TOTAL"]["documents"]


def test_tables_and_pages_are_found(score: dict[str, dict[str, int]]) -> None:
    """Stated tables are found cell by cell, and pages are counted."""
    assert score["TOTAL"]["tables_found"] >= _TABLES
    assert score["TOTAL"]["pages_right"] >= _PAGES


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, dict[str, int]], list[dict[str, Any]]]:
    """Extract and score the hostile files once."""
    folder = tmp_path_factory.mktemp("hostile")
    manifest = _SHARED / "corpus/hostile/manifest.jsonl"
    result = _score(manifest, folder)
    with (folder / "out.jsonl").open(encoding="utf-8") as out:
        rows = [json.loads(line) for line in out]
    return result, rows


def test_hostile_files_fail_clearly_or_survive(
    hostile: tuple[dict[str, dict[str, int]], list[dict[str, Any]]],
) -> None:
    """What must fail fails with a reason, what must survive answers."""
    total = hostile[0]["TOTAL"]
    assert total["failed_clearly"] == total["must_fail"]
    assert total["survived"] == total["must_survive"]


def test_no_hostile_file_is_a_fault_of_ours(
    hostile: tuple[dict[str, dict[str, int]], list[dict[str, Any]]],
) -> None:
    """No document of the hostile set ends as ENGINE_FAILED."""
    failed = [row["uri"] for row in hostile[1] if row.get("error", {}).get("reason") == "ENGINE_FAILED"]
    assert failed == []
