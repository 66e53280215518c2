"""What a run leaves to read.

Counts, failures with their reasons, what stands on one side only, the closest pairs, the largest changes, the files,
the trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.cli.conduct import state_of
from collatio.cli.printable import printable, shown
from collatio.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from collatio.cli.output.findings import Findings
    from collatio.cli.output.ranking import Pair
    from collatio.client.messages import Job

FAILURES_MAX = ONE_SIDED_MAX = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """A job's end in a few lines. `cwd` is what paths are shown relative to."""

    job: Job
    findings: Findings
    cwd: str
    unread: int = 0
    written: Sequence[Path] = ()

    def lines(self) -> Iterator[str]:
        """Yield the lines."""
        yield from self._head()
        yield from self._documents()
        yield from self._failures()
        yield from self._one_sided()
        yield from self._pairs()
        if self.written:
            yield "written"
            yield from (f"  {printable(str(path))}" for path in self.written)
        if self.job.trace_id:
            yield f"trace {self.job.trace_id}"

    def _head(self) -> Iterator[str]:
        job = self.job
        took = ""
        if job.HasField("end_time") and job.HasField("create_time"):
            took = f" in {job.end_time.ToMilliseconds() / 1e3 - job.create_time.ToMilliseconds() / 1e3:.1f} s"
        yield f"{job.name} {state_of(job)}{took}"
        if job.HasField("error"):
            yield f"  {job.error.reason}: {printable(job.error.message)}".rstrip(": ")

    def _documents(self) -> Iterator[str]:
        counts, pairs = self.job.documents, self.job.comparisons
        anew = counts.extracted - counts.extract_reused
        yield (
            f"documents: {counts.found + self.unread} found, {counts.extracted} extracted "
            f"({anew} now, {counts.extract_reused} known already), {len(self.findings.failures)} failed"
        )
        if self.job.spec.HasField("compare"):
            yield (
                f"comparisons: {pairs.planned} pairs, {pairs.compared} compared "
                f"({pairs.compared - pairs.reused} now, {pairs.reused} known already), "
                f"{pairs.not_comparable} not comparable, {self.findings.pairs_failed} failed"
            )

    def _failures(self) -> Iterator[str]:
        failures = self.findings.failures
        if not failures:
            return
        yield "failed"
        rows = [
            (shown(name, self.cwd), failure.reason, printable(failure.message))
            for name, failure in failures[:FAILURES_MAX]
        ]
        yield from _indented(rows)
        if len(failures) > FAILURES_MAX:
            yield f"  and {len(failures) - FAILURES_MAX} more"

    def _one_sided(self) -> Iterator[str]:
        found = self.findings.one_sided
        if not found:
            return
        yield "on one side only"
        yield from _indented(
            [(shown(tree, self.cwd), printable(path)) for tree, path in found[:ONE_SIDED_MAX]]
        )
        if len(found) > ONE_SIDED_MAX:
            yield f"  and {len(found) - ONE_SIDED_MAX} more"

    def _pairs(self) -> Iterator[str]:
        ranking = self.findings.ranking
        for heading, pairs in (("closest pairs", ranking.closest()), ("largest changes", ranking.largest())):
            if pairs:
                yield heading
                yield from _indented([self._pair(pair) for pair in pairs])

    def _pair(self, pair: Pair) -> tuple[str, ...]:
        changes = "1 change" if pair.edits == 1 else f"{pair.edits:,} changes"
        words = "1 word" if pair.words == 1 else f"{pair.words:,} words"
        told = f"{changes}, {words}" if pair.edits else "no change that counts"
        return f"{pair.similarity:.3f}", shown(pair.left, self.cwd), shown(pair.right, self.cwd), told


def _indented(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = table([""] * len(rows[0]), rows, aligned=True)
    next(lines)
    return (f"  {line}" for line in lines)
