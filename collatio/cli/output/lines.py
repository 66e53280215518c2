"""A line a document, into one file or standard output."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

from collatio.cli.output.files import line

if TYPE_CHECKING:
    from collatio.cli.output.documents import Row


class Kind(StrEnum):
    """The kinds of rows that `LinesSink` can write."""

    EXTRACTIONS = "extractions"
    COMPARISONS = "comparisons"
    FAILURES = "failures"


class LinesSink:
    """Write the rows of one kind, each as it comes, and pass over the others."""

    def __init__(self, file: BinaryIO, kind: Kind) -> None:
        self._file = file
        self._kind = kind
        self.wants_extractions = kind == Kind.EXTRACTIONS
        self.wants_comparisons = kind == Kind.COMPARISONS

    def extraction(self, row: Row) -> None:
        """Write a document's line, if those are wanted."""
        self._write(row, Kind.EXTRACTIONS)

    def comparison(self, row: Row) -> None:
        """Write a pair's line, if those are wanted."""
        self._write(row, Kind.COMPARISONS)

    def failure(self, row: Row) -> None:
        """Write a failure's line, if those are wanted."""
        self._write(row, Kind.FAILURES)

    def _write(self, row: Row, kind: Kind) -> None:
        if kind == self._kind:
            self._file.write(line(row))
