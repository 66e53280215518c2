"""Delimited text (CSV, TSV, ...): the dialect is judged by how evenly a delimiter cuts the lines."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

from extract_svc.engine import charset
from extract_svc.engine.media_type import TSV
from extract_svc.engine.metadata import normalise

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 50
_SEPARATOR = re.compile(r"sep=([^\r\n\"])\r?\n", re.IGNORECASE)


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read a delimited file as one table whose block keeps the lines as they stand."""
    text, encoding = charset.decode(document.data)
    text = text.replace("\0", "")
    stated = _SEPARATOR.match(text)  # a first line that spreadsheets write for themselves
    body = text[stated.end() :] if stated else text
    delimiter = stated[1] if stated else delimiter_of(body, "\t" if document.media_type == TSV else "")
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    lines = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    rows = [row for row in draft.in_time(lines) if row]
    draft.metadata = normalise({"charset": encoding, "delimiter": delimiter})
    draft.table(rows, text=text.replace("\r\n", "\n").replace("\r", "\n"))


def delimiter_of(text: str, preferred: str = "") -> str:
    """Choose the delimiter that cuts most lines into the same number (above one) of cells."""
    lines = "\n".join(text[: 256 * 1024].splitlines()[:_SAMPLE_ROWS])
    if preferred and preferred in lines:
        return preferred
    best, score = ",", 0.0
    for candidate in _DELIMITERS:
        if candidate not in lines:
            continue
        rows = [row for row in csv.reader(io.StringIO(lines, newline=""), delimiter=candidate) if row]
        (width, count), *_ = Counter(len(row) for row in rows).most_common(1)
        even = count / len(rows) * (1 + min(width, 20) / 20) if width > 1 else 0.0
        if even > score:
            best, score = candidate, even
    return best
