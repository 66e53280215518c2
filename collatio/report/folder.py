"""Read an output folder as an account: small facts at once, texts and changes only when they are asked for.

A folder may hold a hundred thousand pairs with many changes each. One pass over each file keeps the small
facts and the place of each line; a text or a pair's changes are read again from that place.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from collatio.report.model import (
    Account,
    Block,
    Change,
    Conclusion,
    Document,
    Failure,
    Family,
    JobFacts,
    Pair,
    Paper,
    RollupRow,
    Spot,
)
from collatio.report.spans import bars_from_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

JOB, EXTRACTIONS, COMPARISONS, CONCLUSION, TRACE = (
    "job.json",
    "extractions.jsonl",
    "comparisons.jsonl",
    "conclusion.json",
    "trace.json",
)
PAPERS_MAX = 16
_PLANS = {
    "allPairs": "all_pairs",
    "baseline": "baseline",
    "versions": "versions",
    "nearDuplicates": "near_duplicates",
    "matched": "matched",
    "explicit": "explicit",
}


def read_folder(folder: Path) -> Account:
    """Read what `collatio run -o` has left. Only `job.json` must be there.

    Errors: OSError where a file cannot be read; ValueError where one does not hold what it should.
    """
    job = _object(folder / JOB)
    if job is None:
        raise FileNotFoundError(2, "No such file", str(folder / JOB))
    places: list[int] = []
    documents: list[Document] = []
    for place, row in _lines(folder / EXTRACTIONS):
        places.append(place)
        documents.append(_document(len(documents), row))
    index = _Index(documents)
    pair_places: list[int] = []
    pairs: list[Pair] = []
    for place, row in _lines(folder / COMPARISONS):
        pair_places.append(place)
        pairs.append(_pair(len(pairs), row, index))
    conclusion = _conclusion(_object(folder / CONCLUSION) or {}, index)
    return Account(
        job=_job(job),
        documents=tuple(documents),  # those too that only pairs or the conclusion name
        pairs=tuple(pairs),
        shelf=FolderShelf(folder, places, pair_places),
        conclusion=conclusion,
        trace=bars_from_row(_object(folder / TRACE) or {}),
    )


class FolderShelf:
    """Read texts and changes from a folder's lines; the last few texts are kept."""

    def __init__(self, folder: Path, documents: Sequence[int], pairs: Sequence[int]) -> None:
        self._folder = folder
        self._documents = documents
        self._pairs = pairs
        self._papers: OrderedDict[int, Paper] = OrderedDict()

    def paper(self, document: int) -> Paper:
        """Read what a document says."""
        kept = self._papers.get(document)
        if kept is not None:
            self._papers.move_to_end(document)
            return kept
        row = self._row(EXTRACTIONS, self._documents[document]) if document < len(self._documents) else {}
        paper = self._papers[document] = _paper(row)
        if len(self._papers) > PAPERS_MAX:
            self._papers.popitem(last=False)
        return paper

    def changes(self, pair: int) -> Sequence[Change]:
        """Read what changed in a pair."""
        return [_change(each) for each in self._row(COMPARISONS, self._pairs[pair]).get("changes", ())]

    def _row(self, name: str, place: int) -> dict[str, Any]:
        with (self._folder / name).open("rb") as file:
            file.seek(place)
            row: dict[str, Any] = json.loads(file.readline())
        return row


class _Index:
    """Find documents by id, else by URI; one that is not there is added, so that no pair is left out."""

    def __init__(self, documents: list[Document]) -> None:
        self._documents = documents
        self._by_id = {each.id: each.index for each in documents if each.id}
        self._by_uri: dict[str, int] = {}
        for each in documents:
            self._by_uri.setdefault(each.uri, each.index)

    def find(self, document_id: str, uri: str = "") -> int:
        """Give a document's index."""
        found = self._by_id.get(document_id)
        if found is None and uri:
            found = self._by_uri.get(uri)
        if found is None:
            found = len(self._documents)
            self._documents.append(Document(found, document_id, uri or document_id))
            self._by_id[document_id] = found
            self._by_uri.setdefault(uri or document_id, found)
        return found


def _object(path: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(read, dict):
        raise ValueError(f"{path.name} does not hold an object")  # noqa: TRY004 - it is the file's value that is wrong
    return read


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line's place and row; a file that is absent has none."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        place = 0
        for number, line in enumerate(file, start=1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} of {path.name} does not hold an object")
                yield place, row
            place += len(line)


def _job(row: Mapping[str, Any]) -> JobFacts:
    spec = row.get("spec", {}).get("compare", {})
    key = next((key for key in _PLANS if key in spec), "")
    baseline = spec.get("baseline", {})
    threshold = spec.get(key, {}).get("threshold") if key else None
    error = row.get("error")
    return JobFacts(
        name=row.get("name", ""),
        state=row.get("state", "").removeprefix("JOB_STATE_"),
        plan=_PLANS[key] if key else "all_pairs" if "compare" in row.get("spec", {}) else "",
        baseline=baseline.get("source", {}).get("uri", "") or baseline.get("key", ""),
        threshold=None if threshold is None else float(threshold),
        create_time=row.get("createTime", ""),
        start_time=row.get("startTime", ""),
        end_time=row.get("endTime", ""),
        trace_id=row.get("traceId", ""),
        error=Failure(error.get("reason", ""), error.get("message", ""), "") if error else None,
    )


def _failure(row: Mapping[str, Any] | None) -> Failure | None:
    if not row:
        return None
    return Failure(
        row.get("reason", ""), row.get("message", ""), row.get("stage", ""), bool(row.get("retryable"))
    )


def _document(index: int, row: Mapping[str, Any]) -> Document:
    return Document(
        index=index,
        id=row.get("documentId", ""),
        uri=row.get("uri", ""),
        media_type=row.get("mediaType", ""),
        pages=int(row.get("pageCount", 0)),
        words=len(row.get("text", "").split()),
        tables=len(row.get("tables", ())),
        language=row.get("language", ""),
        title=row.get("metadata", {}).get("title", ""),
        warnings=tuple((each.get("code", ""), each.get("message", "")) for each in row.get("warnings", ())),
        failure=_failure(row.get("error")),
    )


def _pair(index: int, row: Mapping[str, Any], documents: _Index) -> Pair:
    left, _, right = row.get("comparisonId", "").partition("..")
    status = row.get("status", "")
    failure = None
    if "reason" in row:
        failure = Failure(row["reason"], row.get("message", ""), "compare")
    return Pair(
        index=index,
        left=documents.find(left, row.get("left", "")),
        right=documents.find(right, row.get("right", "")),
        status=status,
        similarity={key: float(value) for key, value in row.get("similarity", {}).items()},
        counts={key: int(value) for key, value in row.get("counts", {}).items()},
        failure=failure,
        truncated=bool(row.get("changesTruncated")),
    )


def _paper(row: Mapping[str, Any]) -> Paper:
    text = row.get("text", "")
    blocks = tuple(
        Block(
            each.get("kind", ""),
            int(each.get("level", 0)),
            int(each.get("page", 0)),
            int(each["start"]),
            int(each["length"]),
            each.get("table"),
        )
        for each in row.get("blocks", ())
    )
    tables = tuple(tuple(map(tuple, table.get("rows", ()))) for table in row.get("tables", ()))
    return Paper(text, blocks, tables)


def _change(row: Mapping[str, Any]) -> Change:
    return Change(
        kind=row.get("kind", ""),
        scope=row.get("scope", ""),
        left=_spot(row.get("left")),
        right=_spot(row.get("right")),
        left_text=row.get("leftText", ""),
        right_text=row.get("rightText", ""),
        left_value=row.get("leftValue", ""),
        right_value=row.get("rightValue", ""),
        artifact=bool(row.get("likelyArtifact")),
        renumbering=bool(row.get("renumbering")),
        reason=row.get("artifactReason", ""),
    )


def _spot(row: Mapping[str, Any] | None) -> Spot | None:
    if row is None:
        return None
    return Spot(
        int(row.get("page", 0)),
        int(row.get("block", 0)),
        int(row.get("offset", 0)),
        int(row.get("length", 0)),
        row.get("table"),
        row.get("row"),
        row.get("column"),
        row.get("name", ""),
    )


def _conclusion(row: Mapping[str, Any], documents: _Index) -> Conclusion:
    def members(each: Mapping[str, Any]) -> tuple[int, ...]:
        return tuple(documents.find(document_id) for document_id in each.get("documentIds", ()))

    return Conclusion(
        clusters=tuple(members(each) for each in row.get("clusters", ())),
        families=tuple(
            Family(members(each), tuple(each.get("evidence", ()))) for each in row.get("families", ())
        ),
        rollup=tuple(
            RollupRow(int(each.get("block", 0)), each.get("text", ""), members(each))
            for each in row.get("rollup", ())
        ),
        left_only=tuple(row.get("leftOnly", ())),
        right_only=tuple(row.get("rightOnly", ())),
        candidates=row.get("candidates", ""),
    )
