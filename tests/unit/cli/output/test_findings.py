"""Going through results: in order, a few at a time, keeping what a summary needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from collatio.cli.output.documents import Failure, LocalFailure
from collatio.cli.output.findings import AT_ONCE, gather
from collatio.cli.output.ranking import CLOSEST_MAX
from collatio.cli.summary import Summary
from collatio.client.messages import (
    ChangeCounts,
    CompareConclusion,
    ComparedDocument,
    Comparison,
    ComparisonStatus,
    ComparisonView,
    DocumentState,
    Extraction,
    Job,
    JobDocument,
)
from collatio.runtime.errors import CollatioError, Reason

EXTRACTED = DocumentState.DOCUMENT_STATE_EXTRACTED


class Results:
    """Results in memory. `most` is how many extractions were read at the same time."""

    def __init__(
        self,
        documents: Sequence[JobDocument] = (),
        comparisons: Sequence[Comparison] = (),
        errors: dict[str, CollatioError] | None = None,
    ) -> None:
        self._documents = documents
        self._comparisons = comparisons
        self._errors = errors or {}
        self.reading = 0
        self.most = 0
        self.views: list[int] = []

    async def documents(self, name: str) -> AsyncGenerator[JobDocument, None]:
        """Yield them."""
        for each in self._documents:
            yield each

    async def extraction(self, name: str, document_id: str) -> Extraction:
        """Read one, slowly."""
        self.reading += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0)
        self.reading -= 1
        if document_id in self._errors:
            raise self._errors[document_id]
        return Extraction(media_type=document_id)

    async def comparisons(
        self, name: str, view: ComparisonView.ValueType = ComparisonView.COMPARISON_VIEW_BASIC
    ) -> AsyncGenerator[Comparison, None]:
        """Yield them."""
        self.views.append(view)
        for each in self._comparisons:
            yield each

    async def conclusion(self, name: str) -> CompareConclusion:
        """Read what two trees do not share."""
        return CompareConclusion(left_only=["old.txt"], right_only=["a/new.txt", "b.txt"])


class Sink:
    """Keeps every row."""

    wants_extractions = True
    wants_comparisons = True

    def __init__(self) -> None:
        self.extractions: list[dict[str, Any]] = []
        self.comparisons: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []

    def extraction(self, row: dict[str, Any]) -> None:
        """Keep it."""
        self.extractions.append(row)

    def comparison(self, row: dict[str, Any]) -> None:
        """Keep it."""
        self.comparisons.append(row)

    def failure(self, row: dict[str, Any]) -> None:
        """Keep it."""
        self.failures.append(row)


def comparing_job() -> Job:
    """Make a job that compares."""
    job = Job(name="jobs/x")
    job.spec.compare.all_pairs.SetInParent()
    return job


def pair(left: str, right: str, overall: float) -> Comparison:
    """Make a compared pair."""
    made = Comparison(
        comparison_id=f"{left}..{right}",
        left=ComparedDocument(uri=left),
        right=ComparedDocument(uri=right),
        status=ComparisonStatus.COMPARISON_STATUS_COMPARED,
    )
    made.similarity.overall = overall
    return made


async def test_documents_come_in_order_a_few_at_a_time() -> None:
    """By source, URI and member path, whatever the order in which they were found."""
    documents = [
        JobDocument(
            document_id=f"{source}{uri}{member}", source=source, uri=uri, member_path=member, state=EXTRACTED
        )
        for source in (1, 0)
        for uri in ("u:b", "u:a")
        for member in ("m", "")
    ]
    results, sink = Results(documents), Sink()
    await gather(results, Job(), sink)
    assert [row["documentId"] for row in sink.extractions] == sorted(each.document_id for each in documents)
    assert 1 < results.most <= AT_ONCE


async def test_lost_result_is_a_failure_and_trouble_is_an_error() -> None:
    """One result that is gone is told in its place; a gateway that is gone ends the reading."""
    documents = [JobDocument(document_id=each, uri=f"u:{each}", state=EXTRACTED) for each in "abc"]
    sink = Sink()
    gone = Results(documents, errors={"b": CollatioError(Reason.EXTRACTION_LOST)})
    findings = await gather(gone, Job(), sink)
    assert findings.some_failed
    assert sink.extractions[1]["error"]["reason"] == "EXTRACTION_LOST"
    down = Results(documents, errors={"b": CollatioError(Reason.STAGE_UNAVAILABLE)})
    with pytest.raises(CollatioError):
        await gather(down, Job(), Sink())


async def test_without_a_sink_no_extraction_and_no_change_is_read() -> None:
    """A summary needs neither."""
    results = Results([JobDocument(document_id="a", state=EXTRACTED)], [pair("u:a", "u:b", 0.5)])
    findings = await gather(results, comparing_job())
    assert results.most == 0
    assert results.views == [ComparisonView.COMPARISON_VIEW_BASIC]
    assert [each.similarity for each in findings.ranking.closest()] == [0.5]


async def test_closest_pairs_are_kept() -> None:
    """The most alike first, ties by name, and no more than fit a screen."""
    pairs = [pair(f"u:{number:02}", "u:x", number % 10 / 10) for number in range(40)]
    findings = await gather(Results(comparisons=pairs), comparing_job())
    closest = findings.ranking.closest()
    assert len(closest) == CLOSEST_MAX
    similarities = [each.similarity for each in closest]
    assert similarities == sorted(similarities, reverse=True)
    assert closest[0].left < closest[1].left


async def test_largest_changes_are_those_of_related_pairs() -> None:
    """Most words first; strangers and pairs in which nothing counts are no news."""
    pairs = [pair(f"u:{number}", "u:x", likeness) for number, likeness in enumerate((0.9, 0.6, 0.1, 0.8))]
    for each, (changes, artifacts, words) in zip(
        pairs, [(3, 1, 10), (2, 0, 90), (9, 0, 999), (4, 4, 50)], strict=True
    ):
        each.counts.CopyFrom(ChangeCounts(changes=changes, likely_artifacts=artifacts, words_inserted=words))
    findings = await gather(Results(comparisons=pairs), comparing_job())
    assert [(each.left, each.edits, each.words) for each in findings.ranking.largest()] == [
        ("u:1", 2, 90),
        ("u:0", 2, 10),
    ]
    assert findings.ranking.different == 3
    assert findings.some_differ


async def test_failed_pairs_are_counted_and_told() -> None:
    """They are failures as documents are."""
    failed = Comparison(status=ComparisonStatus.COMPARISON_STATUS_FAILED)
    failed.error.reason = "COMPARE_TIMEOUT"
    sink = Sink()
    findings = await gather(Results(comparisons=[failed]), comparing_job(), sink)
    assert (findings.pairs_failed, findings.some_failed) == (1, True)
    assert sink.failures[0]["reason"] == "COMPARE_TIMEOUT"


async def test_extraction_job_has_no_comparisons_to_read() -> None:
    """They are not asked for."""
    results = Results()
    await gather(results, Job(), Sink())
    assert results.views == []


async def test_unread_paths_come_after_the_documents() -> None:
    """A path that never reached the mesh has a line and a failure too."""
    sink = Sink()
    unread = [LocalFailure("d/x", Failure("SOURCE_NOT_FOUND", "gone", "fetch"))]
    results = Results([JobDocument(document_id="a", uri="u:a", state=EXTRACTED)])
    findings = await gather(results, Job(), sink, unread)
    assert [row["uri"] for row in sink.extractions] == ["u:a", "d/x"]
    assert sink.failures[0]["reason"] == "SOURCE_NOT_FOUND"
    assert findings.failures[0][0] == "d/x"


async def test_what_one_tree_lacks_is_told_under_the_other_s_name() -> None:
    """Of two matched trees a summary names what stands on one side only, and that is a difference."""
    job = Job(name="jobs/x")
    job.spec.compare.matched.left, job.spec.compare.matched.right = "before", "after"
    findings = await gather(Results(), job)
    assert findings.one_sided == [("before", "old.txt"), ("after", "a/new.txt"), ("after", "b.txt")]
    assert findings.some_differ
    lines = list(Summary(job, findings, "/here").lines())
    at = lines.index("on one side only")
    assert [line.split() for line in lines[at + 1 : at + 4]] == [
        ["before", "old.txt"],
        ["after", "a/new.txt"],
        ["after", "b.txt"],
    ]
