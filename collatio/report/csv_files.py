"""The CSV files: a row a document, and a row a block of the baseline.

Spreadsheets run what looks like a formula, so a cell of text that begins like one gets an apostrophe in front
(RELIABILITY 5, rule 11). Lines end in a line feed; the text is UTF-8 without a byte order mark.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from collatio.report.closest import closest_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collatio.report.model import Account

Cell = str | int | float | None
_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # the last four: full width
_COUNTS = (
    "wordsInserted",
    "wordsDeleted",
    "wordsEqual",
    "blocksMoved",
    "cellsChanged",
    "valuesChanged",
    "changes",
    "likelyArtifacts",
    "renumbered",
)
SUMMARY_HEAD = (
    "uri",
    "mediaType",
    "pages",
    "words",
    "closest",
    "similarity",
    *_COUNTS,
    "reason",
    "stage",
    "message",
)
ROLLUP_HEAD = ("block", "changedBy", "text", "documents")


def cell(value: Cell) -> str:
    """Write a cell's value so that no spreadsheet runs it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return str(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")


def summary_csv(account: Account) -> str:
    """Make a row a document: its closest other, how alike they are, what differs; or why it failed."""
    closest = closest_pairs(account)
    rows = []
    for document in account.documents:
        pair = closest.get(document.index)
        other = similarity = None
        counts: Sequence[int | None] = [None] * len(_COUNTS)
        if pair is not None:
            other = account.documents[pair.right if pair.left == document.index else pair.left].uri
            similarity = pair.overall
            counts = [pair.counts.get(name, 0) for name in _COUNTS]
        failure = document.failure
        told = (failure.reason, failure.stage, failure.message) if failure else ("", "", "")
        words = None if failure else document.words
        rows.append(
            (
                document.uri,
                document.media_type,
                document.pages or None,
                words,
                other,
                similarity,
                *counts,
                *told,
            )
        )
    return _lines(SUMMARY_HEAD, rows)


def rollup_csv(account: Account) -> str:
    """Make a row a block of the baseline that somebody changed: its number, by how many, its text, by whom.

    Blocks are numbered from 1, as on the page.
    """
    rows = (
        (
            row.block + 1,
            len(row.documents),
            row.text,
            "\n".join(account.documents[at].uri for at in row.documents),
        )
        for row in account.conclusion.rollup
    )
    return _lines(ROLLUP_HEAD, rows)


def _lines(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode("utf-8", "replace").decode()
