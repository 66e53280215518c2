"""Reports written beside the rows, whole, and nobody else's files touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from collatio.cli.output.reports import publish, rollup_beside

if TYPE_CHECKING:
    from pathlib import Path


def job(folder: Path, plan: str) -> None:
    """Leave a job without documents."""
    (folder / "job.json").write_text(json.dumps({"spec": {"compare": {plan: {}}}}))


def test_rollup_belongs_to_a_baseline_alone(tmp_path: Path) -> None:
    """That of an earlier run with a baseline goes."""
    job(tmp_path, "baseline")
    publish(tmp_path)
    assert (tmp_path / "rollup.csv").exists()
    job(tmp_path, "allPairs")
    publish(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["job.json", "report.html", "summary.csv"]


def test_rollup_is_named_after_its_summary(tmp_path: Path) -> None:
    """So that a report elsewhere never replaces a file it was not told of by name."""
    assert rollup_beside(tmp_path / "summary.csv").name == "rollup.csv"
    assert rollup_beside(tmp_path / "mine.csv").name == "mine-rollup.csv"


def test_further_pages_of_others_stay(tmp_path: Path) -> None:
    """Only files named like ours are taken away."""
    job(tmp_path, "allPairs")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "pair-00001.html").touch()
    (tmp_path / "report" / "pair-of-shoes.html").touch()
    publish(tmp_path)
    assert [each.name for each in (tmp_path / "report").iterdir()] == ["pair-of-shoes.html"]
