"""The comparison goals of the corpus, scored as the shared scorer scores them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compare_svc.engine.compare import compare
from compare_svc.engine.model import Options

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / "../shared"
CORPUS = SHARED / "corpus/documents"
SCORER = SHARED / "tools/score_comparison.py"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not here"),
]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """Load the benchmark, which reads the corpus and writes what the scorer reads."""
    spec = importlib.util.spec_from_file_location(
        "compare_corpus", ROOT / "tests/benchmarks/compare_corpus.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _score(*arguments: str | Path) -> dict[str, float]:
    """Run the scorer and read its figures by the words before them."""
    done = subprocess.run(
        [sys.executable, str(SCORER), *map(str, arguments)], capture_output=True, text=True, check=True
    )
    figures = re.sub(r"within 0\.02:", "within", done.stdout)
    return {
        name.strip(" :"): float(value) for name, value in re.findall(r"([a-zA-Z][^\d]*?) (\d[\d.]*)", figures)
    }


def test_near_duplicates_are_all_found_and_none_invented(bench: ModuleType, tmp_path: Path) -> None:
    """Recall 0.999, values within 0.02, no false pair, every strong pair in one cluster."""
    bench.neardup(CORPUS, tmp_path)
    score = _score("neardup", CORPUS, tmp_path / "comparisons.jsonl", tmp_path / "clusters.json")
    assert score["recall"] >= 0.999
    assert score["value within"] == 1.0
    assert score["false pairs"] == 0
    assert score["strong pairs together"] == 752


def test_families_are_recovered_in_order(bench: ModuleType, tmp_path: Path) -> None:
    """At least 24 of 26 families exactly and a mean Kendall tau of 0.80, every family mixed with the others."""
    hidden = tmp_path / "hidden"
    _score("hide", CORPUS, hidden)
    bench.versions(hidden, tmp_path)
    score = _score("versions", CORPUS, tmp_path / "families.json", "--names", hidden / "names.json")
    assert score["recovered exactly"] >= 24
    assert score["mean Kendall tau"] >= 0.80


def test_redline_cases_show_their_revisions(bench: ModuleType) -> None:
    """A case whose peer counts revisions has a change; a document against itself has none."""
    for name, expected, before, after in bench.redline_cases(CORPUS):
        done = compare(before, after, Options())
        assert done.changes or not expected, name
        for document in (before, after):
            itself = compare(document, document, Options())
            assert itself.changes == ()


def test_one_text_in_two_formats_is_the_same_text(bench: ModuleType) -> None:
    """Where the peer expects identical text, the text similarity is 0.98 or better, and the rest are artefacts."""
    rows = [row for row in bench.crossformat(CORPUS) if row[0] == "peer-expected-identical"]
    assert rows
    low = [row for row in rows if row[4] is None or row[4] < 0.98]
    assert low == []
    assert [row for row in rows if row[5]] == []
