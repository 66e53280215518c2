"""Reports into files: the page with its further pages, the two CSV files, and the JSON form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.cli.output.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from collatio.report.model import Account

SUMMARY, ROLLUP, CHANGES, REPORT, JSON_REPORT, TRACE = (
    "summary.csv",
    "rollup.csv",
    "changes.csv",
    "report.html",
    "report.json",
    "trace.json",
)
PAIR_FILES = "pair-[0-9]*.html"
MORE_PAIRS = 24
"""Redlines in files of their own, beside those on the page itself; `collatio report --pairs` makes more."""


def publish(folder: Path) -> None:
    """Make the summary and the page of an output folder.

    Errors: OSError, ValueError where the folder's own files cannot be read; OSError where these cannot be written.
    """
    from collatio.report.folder import read_folder

    account = read_folder(folder)
    if folder / ROLLUP not in write_csv(account, folder / SUMMARY, folder / ROLLUP):
        (folder / ROLLUP).unlink(missing_ok=True)  # an earlier run's
    write_html(account, folder / REPORT, MORE_PAIRS)


def write_csv(account: Account, summary: Path, rollup: Path) -> list[Path]:
    """Write a row a document, and for a baseline's job what became of its blocks; name the files written."""
    from collatio.report.csv_files import rollup_csv, summary_csv

    _write(summary, [summary_csv(account)])
    if account.job.plan != "baseline":
        return [summary]
    _write(rollup, [rollup_csv(account)])
    return [summary, rollup]


def rollup_beside(summary: Path) -> Path:
    """Name the rollup that belongs to a summary: `rollup.csv` to `summary.csv`, else `NAME-rollup.csv`."""
    if summary.name == SUMMARY:
        return summary.with_name(ROLLUP)
    return summary.with_name(f"{summary.stem}-rollup{summary.suffix}")


def text_of(account: Account, form: str) -> Iterable[str]:
    """Give a report as text: the page alone, the summary alone, the changes, or the JSON form."""
    if form == "json":
        from collatio.report.json_file import report_json

        return report_json(account)
    if form == "csv":
        from collatio.report.csv_files import summary_csv

        return [summary_csv(account)]
    if form == "changes":
        from collatio.report.changes_csv import changes_csv

        return changes_csv(account)
    from collatio.report.page import make_page

    return make_page(account, pair_folder="report", page_name=REPORT, more_pairs=0).html


def write_json(account: Account, path: Path) -> list[Path]:
    """Write the JSON form; name the file written."""
    from collatio.report.json_file import report_json

    _write(path, report_json(account))
    return [path]


def write_changes(account: Account, path: Path) -> list[Path]:
    """Write a row a change; name the file written."""
    _write(path, text_of(account, "changes"))
    return [path]


def write_html(account: Account, path: Path, more_pairs: int) -> list[Path]:
    """Write the page, and the redlines it has no room for into a folder that is named after it.

    The folder's earlier redlines are taken away. Returns the page alone: it links to the others.
    """
    from collatio.report.page import make_page

    beside = path.with_suffix("") if path.suffix else path.with_name(f"{path.name}-pairs")
    page = make_page(account, pair_folder=beside.name, page_name=path.name, more_pairs=more_pairs)
    for old in beside.glob(PAIR_FILES):
        old.unlink()
    for name, content in page.further():
        beside.mkdir(exist_ok=True)
        _write(beside / name, [content])
    _write(path, page.html)
    return [path]


def written(folder: Path, names: Iterable[str]) -> list[Path]:
    """Name those of the files that are there."""
    return [folder / name for name in names if (folder / name).exists()]


def _write(path: Path, parts: Iterable[str]) -> None:
    with replacing(path) as file:
        for part in parts:
            file.write(part.encode("utf-8", "replace"))
