"""The folder that `run -o` and `results -o` leave: the job, its rows, what was concluded, and the report.

Rows and conclusions come first and appear together; summary and report are made of the folder as it then is,
the same as `collatio report` makes them again.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from google.protobuf.json_format import MessageToDict

from collatio.cli.output import SCHEMA_VERSION
from collatio.cli.output.conclusion import cluster_rows, conclusion_row, family_rows
from collatio.cli.output.files import Spool, line, replacing
from collatio.cli.output.findings import gather
from collatio.cli.output.reports import REPORT, ROLLUP, SUMMARY, TRACE, written
from collatio.client.messages import CompareConclusion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from collatio.cli.output.documents import LocalFailure, Row
    from collatio.cli.output.findings import Findings, Results
    from collatio.client.messages import Job

JOB, EXTRACTIONS, COMPARISONS, FAILURES = (
    "job.json",
    "extractions.jsonl",
    "comparisons.jsonl",
    "failures.jsonl",
)
CONCLUSION, CLUSTERS, FAMILIES = "conclusion.json", "clusters.json", "families.json"
ROW_FILES = (JOB, EXTRACTIONS, COMPARISONS, FAILURES)
OWN_FILES = (*ROW_FILES, CONCLUSION, CLUSTERS, FAMILIES, SUMMARY, ROLLUP, REPORT, TRACE)


class FolderInUse(Exception):  # noqa: N818 - a refusal, not an error
    """The folder holds something, and nobody said that it may be replaced."""


def claim(folder: Path, *, force: bool) -> None:
    """Make the folder, or make sure that what is in it may be replaced.

    With `force` only the files that this module writes are ever replaced; others are left alone.
    Errors: `FolderInUse`; OSError where it cannot be made, or is no folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not force and any(folder.iterdir()):
        raise FolderInUse(
            f"{folder} is not empty; --force replaces {', '.join(OWN_FILES)} and report/pair-*.html in it"
        )


class FolderSink:
    """Write rows into a folder's files; made by `writing`."""

    wants_extractions = True
    wants_comparisons = True

    def __init__(self, extractions: BinaryIO, comparisons: Spool, failures: BinaryIO) -> None:
        self._extractions = extractions
        self._comparisons = comparisons
        self._failures = failures
        self._failed_pairs: list[tuple[str, str, bytes]] = []
        self.uris: dict[str, str] = {}

    def extraction(self, row: Row) -> None:
        """Write a document's line, and note what it is called."""
        self._extractions.write(line(row))
        if row.get("documentId"):
            self.uris[row["documentId"]] = row["uri"]

    def comparison(self, row: Row) -> None:
        """Keep a pair's line for its place in the order of (left, right)."""
        self._comparisons.add((row["left"], row["right"], row["comparisonId"]), line(row))

    def failure(self, row: Row) -> None:
        """Write a failed document's line; keep a failed pair's for its place after them."""
        if "left" in row:
            self._failed_pairs.append((row["left"], row["right"], line(row)))
        else:
            self._failures.write(line(row))

    def finish(self, comparisons: BinaryIO) -> None:
        """Write what waited for its order."""
        self._comparisons.copy_to(comparisons)
        for *_, text in sorted(self._failed_pairs):
            self._failures.write(text)


@contextmanager
def writing(folder: Path, job: Job) -> Iterator[FolderSink]:
    """Open a folder for a job's rows. The files appear when the context ends well, `job.json` last."""
    with ExitStack() as files:
        job_file = files.enter_context(replacing(folder / JOB))
        job_file.write(job_text(job).encode())
        extractions = files.enter_context(replacing(folder / EXTRACTIONS))
        comparisons = files.enter_context(replacing(folder / COMPARISONS))
        failures = files.enter_context(replacing(folder / FAILURES))
        sink = FolderSink(extractions, files.enter_context(Spool(folder)), failures)
        yield sink
        sink.finish(comparisons)


def write_conclusion(folder: Path, conclusion: CompareConclusion, uris: dict[str, str]) -> None:
    """Write what the plan concluded, and its clusters and families as lists of their own."""
    _write_json(folder / CONCLUSION, conclusion_row(conclusion))
    _write_json(folder / CLUSTERS, cluster_rows(conclusion, uris))
    _write_json(folder / FAMILIES, family_rows(conclusion, uris))


def write_trace(folder: Path, row: dict[str, Any] | None) -> None:
    """Write the job's spans; without any, take away those of an earlier run."""
    if row is None:
        (folder / TRACE).unlink(missing_ok=True)
    else:
        _write_json(folder / TRACE, row)


def _write_json(path: Path, value: Any) -> None:
    with replacing(path) as file:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        file.write(text.encode("utf-8", "replace") + b"\n")


def job_text(job: Job) -> str:
    """Write a job as JSON: the protobuf JSON form with every count, and `schemaVersion`."""
    row = MessageToDict(job, always_print_fields_with_no_presence=True)
    return json.dumps({"schemaVersion": SCHEMA_VERSION, **row}, ensure_ascii=False, indent=2) + "\n"


def paths(folder: Path) -> list[Path]:
    """Name the files of a folder that `save` has left."""
    return written(folder, OWN_FILES)


async def save(
    results: Results,
    job: Job,
    folder: Path | None,
    unread: Sequence[LocalFailure] = (),
    trace: Callable[[], Awaitable[dict[str, Any] | None]] | None = None,
) -> Findings:
    """Read a job's results into a folder, or only for their findings where there is none; `publish` follows.

    `trace` reads the job's spans, where the mesh's own can be reached.
    Errors: `CollatioError` where they cannot be read, OSError where they cannot be written.
    """
    if folder is None:
        return await gather(results, job, None, unread)
    findings = await save_rows(results, job, folder, unread)
    write_trace(folder, await trace() if trace is not None else None)
    return findings


async def save_rows(
    results: Results, job: Job, folder: Path, unread: Sequence[LocalFailure] = ()
) -> Findings:
    """Read a job's results and conclusions into a folder, without a report of them. Errors: as `save`."""
    with writing(folder, job) as sink:
        findings = await gather(results, job, sink, unread)
        compared = job.spec.HasField("compare")
        conclusion = await results.conclusion(job.name) if compared else CompareConclusion()
    write_conclusion(folder, conclusion, sink.uris)
    return findings
