"""Go through a job's results once: hand every row on, keep what a summary needs.

Extractions come in the order of (source, URI, member path). They are read a few at a time, so that no more
than those few are in memory, however many there are.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from collatio.cli.output.comparisons import comparison_row, failed_pair_row
from collatio.cli.output.documents import (
    Failure,
    extraction_row,
    failed_row,
    failure_from,
    failure_row,
    local_failure_row,
    local_row,
    unfinished,
)
from collatio.cli.output.names import Names
from collatio.client.messages import ComparisonStatus, ComparisonView
from collatio.runtime.errors import Category, CollatioError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from collatio.cli.output.documents import LocalFailure, Row
    from collatio.client.messages import Comparison, Extraction, Job, JobDocument

CLOSEST_MAX = 10
AT_ONCE = 4
_GONE = frozenset({Category.NOT_FOUND, Category.DATA_LOSS})


class Results(Protocol):
    """Where a job's results are read from: the client, or a fake."""

    def documents(self, name: str) -> AsyncGenerator[JobDocument, None]:
        """Yield the documents."""
        ...

    async def extraction(self, name: str, document_id: str) -> Extraction:
        """Read an extraction."""
        ...

    def comparisons(
        self, name: str, view: ComparisonView.ValueType = ComparisonView.COMPARISON_VIEW_BASIC
    ) -> AsyncGenerator[Comparison, None]:
        """Yield the comparisons."""
        ...


class Sink(Protocol):
    """Where rows go."""

    wants_extractions: bool
    wants_comparisons: bool

    def extraction(self, row: Row) -> None:
        """Take a document's row, in order."""
        ...

    def comparison(self, row: Row) -> None:
        """Take a pair's row, in any order."""
        ...

    def failure(self, row: Row) -> None:
        """Take the row of a failed document or pair, documents first and in order."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A compared pair. `similarity` is the overall one, 0..1."""

    similarity: float
    left: str
    right: str
    changes: int


@dataclass(slots=True)
class Findings:
    """What a summary tells of a job. `failures` are (name, failure) of documents; `pairs_failed` counts pairs."""

    failures: list[tuple[str, Failure]] = field(default_factory=list)
    closest: list[Pair] = field(default_factory=list)
    pairs_failed: int = 0

    @property
    def some_failed(self) -> bool:
        """Whether any document or pair failed."""
        return bool(self.failures or self.pairs_failed)


async def gather(
    results: Results, job: Job, sink: Sink | None = None, unread: Sequence[LocalFailure] = ()
) -> Findings:
    """Read a job's results, hand their rows to the sink, and return the findings.

    `unread` are paths that never reached the mesh; they count as failed documents, after the others.
    Errors: `CollatioError` where results cannot be read at all; a single one that is gone is a failure.
    """
    findings = Findings()
    async with aclosing(results.documents(job.name)) as found:
        documents = [each async for each in found]
    names = Names(job, documents)
    documents.sort(key=lambda each: (each.source, each.uri, each.member_path, each.document_id))
    await _read_documents(results, job, documents, names, sink, findings)
    for local in unread:
        findings.failures.append((local.uri, local.failure))
        if sink is not None:
            sink.extraction(local_row(local))
            sink.failure(local_failure_row(local))
    if job.spec.HasField("compare"):
        await _read_comparisons(results, job, names, sink, findings)
    return findings


async def _read_documents(
    results: Results,
    job: Job,
    documents: Sequence[JobDocument],
    names: Names,
    sink: Sink | None,
    findings: Findings,
) -> None:
    async def read(document: JobDocument) -> tuple[JobDocument, Extraction | None, Failure | None]:
        failure = unfinished(document, job)
        if failure is not None or sink is None or not sink.wants_extractions:
            return document, None, failure
        try:
            return document, await results.extraction(job.name, document.document_id), None
        except CollatioError as error:
            if error.entry.category not in _GONE:
                raise
            return document, None, failure_from(error, "extract")

    waiting: deque[asyncio.Task[tuple[JobDocument, Extraction | None, Failure | None]]] = deque()

    async def write_first() -> None:
        document, extraction, failure = await waiting.popleft()
        if failure is not None:
            findings.failures.append((names.uri(document), failure))
        if sink is None:
            return
        if failure is not None:
            sink.extraction(failed_row(document, names, failure))
            sink.failure(failure_row(document, names, failure))
        elif extraction is not None:
            sink.extraction(extraction_row(document, names, extraction))

    try:
        for document in documents:
            waiting.append(asyncio.create_task(read(document)))
            if len(waiting) >= AT_ONCE:
                await write_first()
        while waiting:
            await write_first()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _read_comparisons(
    results: Results, job: Job, names: Names, sink: Sink | None, findings: Findings
) -> None:
    whole = sink is not None and sink.wants_comparisons
    view = ComparisonView.COMPARISON_VIEW_FULL if whole else ComparisonView.COMPARISON_VIEW_BASIC
    closest: list[Pair] = []
    async with aclosing(results.comparisons(job.name, view)) as comparisons:
        async for each in comparisons:
            if sink is not None and sink.wants_comparisons:
                sink.comparison(comparison_row(each, names))
            if each.status == ComparisonStatus.COMPARISON_STATUS_FAILED:
                findings.pairs_failed += 1
                if sink is not None:
                    sink.failure(failed_pair_row(each, names))
            elif each.status == ComparisonStatus.COMPARISON_STATUS_COMPARED:
                _keep(closest, each, names)
    findings.closest = sorted(closest, key=lambda pair: (-pair.similarity, pair.left, pair.right))


def _keep(closest: list[Pair], comparison: Comparison, names: Names) -> None:
    """Keep a pair while it is among the closest ones."""
    pair = Pair(
        comparison.similarity.overall,
        names.compared(comparison.left),
        names.compared(comparison.right),
        comparison.counts.changes,
    )
    if len(closest) < CLOSEST_MAX:
        heapq.heappush(closest, pair)
    else:
        heapq.heappushpop(closest, pair)
