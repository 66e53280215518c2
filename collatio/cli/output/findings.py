"""Go through a job's results once: hand every row on, keep what a summary needs.

Extractions come in the order of (source, URI, member path). They are read a few at a time, so that no more
than those few are in memory, however many there are.
"""

from __future__ import annotations

import asyncio
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
from collatio.cli.output.ranking import Ranking
from collatio.client.messages import ComparisonStatus, ComparisonView
from collatio.runtime.errors import Category, CollatioError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from collatio.cli.output.documents import LocalFailure, Row
    from collatio.client.messages import CompareConclusion, Comparison, Extraction, Job, JobDocument

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

    async def conclusion(self, name: str) -> CompareConclusion:
        """Read what the plan concluded."""
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


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, and what it says or why it says nothing; neither where nobody wants to know."""

    document: JobDocument
    extraction: Extraction | None = None
    failure: Failure | None = None


@dataclass(slots=True)
class Findings:
    """What a summary tells of a job. `failures` are (name, failure) of documents; `pairs_failed` counts pairs.

    `one_sided` are (tree, path) of what one of two matched trees has and the other lacks.
    """

    failures: list[tuple[str, Failure]] = field(default_factory=list)
    ranking: Ranking = field(default_factory=Ranking)
    pairs_failed: int = 0
    one_sided: list[tuple[str, str]] = field(default_factory=list)

    @property
    def some_failed(self) -> bool:
        """Whether any document or pair failed."""
        return bool(self.failures or self.pairs_failed)

    @property
    def some_differ(self) -> bool:
        """Whether any pair differs by more than likely artefacts, or one tree lacks what the other has."""
        return bool(self.ranking.different or self.one_sided)


async def gather(
    results: Results, job: Job, sink: Sink | None = None, unread: Sequence[LocalFailure] = ()
) -> Findings:
    """Read a job's results, hand their rows to the sink, and return the findings.

    `unread` are paths that never reached the mesh; they count as failed documents, after the others.
    Errors: `CollatioError` where results cannot be read at all; a single one that is gone is a failure.
    """
    async with aclosing(results.documents(job.name)) as found:
        documents = [each async for each in found]
    gathering = _Gathering(results, job, Names(job, documents), sink)
    documents.sort(key=lambda each: (each.source, each.uri, each.member_path, each.document_id))
    await gathering.read_documents(documents)
    for local in unread:
        gathering.note_unread(local)
    if job.spec.HasField("compare"):
        await gathering.read_comparisons()
    return gathering.findings


class _Gathering:
    def __init__(self, results: Results, job: Job, names: Names, sink: Sink | None) -> None:
        self.findings = Findings()
        self._results = results
        self._job = job
        self._names = names
        self._sink = sink

    async def read_documents(self, documents: Sequence[JobDocument]) -> None:
        """Go through the documents in order, reading a few ahead."""
        ahead: deque[asyncio.Task[Reading]] = deque()
        try:
            for document in documents:
                ahead.append(asyncio.create_task(self._read(document)))
                if len(ahead) >= AT_ONCE:
                    self._note(await ahead.popleft())
            while ahead:
                self._note(await ahead.popleft())
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _read(self, document: JobDocument) -> Reading:
        failure = unfinished(document, self._job)
        if failure is not None or self._sink is None or not self._sink.wants_extractions:
            return Reading(document, failure=failure)
        try:
            return Reading(document, await self._results.extraction(self._job.name, document.document_id))
        except CollatioError as error:
            if error.entry.category not in _GONE:
                raise
            return Reading(document, failure=failure_from(error, "extract"))

    def _note(self, reading: Reading) -> None:
        document, names, sink = reading.document, self._names, self._sink
        if reading.failure is not None:
            self.findings.failures.append((names.uri(document), reading.failure))
        if sink is None:
            return
        if reading.failure is not None:
            sink.extraction(failed_row(document, names, reading.failure))
            sink.failure(failure_row(document, names, reading.failure))
        elif reading.extraction is not None:
            sink.extraction(extraction_row(document, names, reading.extraction))

    def note_unread(self, local: LocalFailure) -> None:
        """Count a path that never reached the mesh."""
        self.findings.failures.append((local.uri, local.failure))
        if self._sink is not None:
            self._sink.extraction(local_row(local))
            self._sink.failure(local_failure_row(local))

    async def read_comparisons(self) -> None:
        """Go through the comparisons as they come, with their changes only where a sink wants them."""
        sink, names = self._sink, self._names
        whole = sink is not None and sink.wants_comparisons
        view = ComparisonView.COMPARISON_VIEW_FULL if whole else ComparisonView.COMPARISON_VIEW_BASIC
        async with aclosing(self._results.comparisons(self._job.name, view)) as comparisons:
            async for each in comparisons:
                if sink is not None and sink.wants_comparisons:
                    sink.comparison(comparison_row(each, names))
                if each.status == ComparisonStatus.COMPARISON_STATUS_COMPARED:
                    self.findings.ranking.add(
                        names.compared(each.left),
                        names.compared(each.right),
                        each.similarity.overall,
                        each.counts,
                    )
                elif each.status == ComparisonStatus.COMPARISON_STATUS_FAILED:
                    self.findings.pairs_failed += 1
                    if sink is not None:
                        sink.failure(failed_pair_row(each, names))
        if self._job.spec.compare.WhichOneof("plan") == "matched":
            trees = self._job.spec.compare.matched
            concluded = await self._results.conclusion(self._job.name)
            self.findings.one_sided = [
                *((trees.left, path) for path in concluded.left_only),
                *((trees.right, path) for path in concluded.right_only),
            ]
