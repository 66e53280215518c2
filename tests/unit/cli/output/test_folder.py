"""The output folder: claimed before the work, filled whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collatio.cli.output.folder import (
    OWN_FILES,
    ROW_FILES,
    FolderInUse,
    claim,
    write_conclusion,
    write_trace,
    writing,
)
from collatio.client.messages import CompareConclusion, Job

LEFT = {"left": "u:a", "comparisonId": "1"}


def test_folder_is_made(tmp_path: Path) -> None:
    """With its parents; an empty one will do."""
    claim(tmp_path / "a" / "b", force=False)
    claim(tmp_path / "a" / "b", force=False)
    assert (tmp_path / "a" / "b").is_dir()


def test_folder_in_use_is_refused_without_force(tmp_path: Path) -> None:
    """The refusal names what --force would replace."""
    (tmp_path / "mine").touch()
    with pytest.raises(FolderInUse, match=r"job\.json"):
        claim(tmp_path, force=False)
    claim(tmp_path, force=True)


def test_file_is_no_folder(tmp_path: Path) -> None:
    """A file in the way is told as the system tells it."""
    (tmp_path / "f").touch()
    with pytest.raises(FileExistsError):
        claim(tmp_path / "f", force=True)


def test_rows_are_written_in_order(tmp_path: Path) -> None:
    """Pairs by (left, right), failed documents before failed pairs."""
    with writing(tmp_path, Job(name="jobs/x")) as sink:
        sink.comparison({**LEFT, "right": "u:c"})
        sink.comparison({**LEFT, "right": "u:b"})
        sink.failure({**LEFT, "right": "u:z"})
        sink.failure({"uri": "u:f"})
        assert [each for each in OWN_FILES if (tmp_path / each).exists()] == []
    read = {
        name: [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ROW_FILES[1:]
    }
    assert [row["right"] for row in read["comparisons.jsonl"]] == ["u:b", "u:c"]
    assert [row.get("uri") for row in read["failures.jsonl"]] == ["u:f", None]
    assert json.loads((tmp_path / "job.json").read_text())["schemaVersion"] == 1


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    """A run that cannot finish its output leaves none."""
    with pytest.raises(OSError, match="full"), writing(tmp_path, Job()):
        raise OSError(28, "full")
    assert list(tmp_path.iterdir()) == []


def test_conclusions_name_documents_as_the_rows_do(tmp_path: Path) -> None:
    """Clusters and families by URI; the whole conclusion by id, for a report to be made again."""
    conclusion = CompareConclusion(candidates="exact", left_only=["x"])
    conclusion.clusters.add(document_ids=["1", "2"])
    conclusion.families.add(document_ids=["2", "9"], evidence=["date"])
    conclusion.rollup.add(block=3, text="t", document_ids=["1"])
    write_conclusion(tmp_path, conclusion, {"1": "u:a", "2": "u:b"})
    read = {
        name: json.loads((tmp_path / f"{name}.json").read_text())
        for name in ("clusters", "families", "conclusion")
    }
    assert read["clusters"] == [{"members": ["u:a", "u:b"]}]
    assert read["families"] == [{"members": ["u:b", "9"], "evidence": ["date"]}]
    assert read["conclusion"]["rollup"] == [{"block": 3, "text": "t", "documentIds": ["1"]}]
    assert (read["conclusion"]["leftOnly"], read["conclusion"]["candidates"]) == (["x"], "exact")


def test_trace_of_an_earlier_run_does_not_stay(tmp_path: Path) -> None:
    """A folder never tells another job's time."""
    write_trace(tmp_path, {"spans": []})
    assert (tmp_path / "trace.json").exists()
    write_trace(tmp_path, None)
    assert not (tmp_path / "trace.json").exists()
