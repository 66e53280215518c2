"""The JSON form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from collatio.report.folder import read_folder
from collatio.report.json_file import report_json

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_but_texts_and_changes_is_told(small: Path) -> None:
    """One object, documents by URI."""
    report = json.loads("".join(report_json(read_folder(small))))
    assert [each["uri"] for each in report["documents"]][3] == "file:///d/broken.pdf"
    assert report["documents"][3]["error"]["reason"] == "DOCUMENT_CORRUPT"
    assert report["comparisons"][0]["similarity"]["overall"] == 0.8
    assert report["families"] == [
        {"members": ["file:///d/terms-1.txt", "file:///d/terms-2.txt"], "evidence": ["date"]}
    ]
    assert "changes" not in report["comparisons"][0]


def test_an_empty_job_is_an_object_too(tmp_path: Path) -> None:
    """Every list is there and empty."""
    (tmp_path / "job.json").write_text("{}")
    report = json.loads("".join(report_json(read_folder(tmp_path))))
    assert report["documents"] == report["comparisons"] == report["rollup"] == []
