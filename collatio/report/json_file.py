"""The JSON report: everything but texts and changes, which `extractions.jsonl` and `comparisons.jsonl` hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from collatio.report.closest import closest_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.report.model import Account, Document, Failure, JobFacts, Pair

SCHEMA_VERSION = 1


def report_json(account: Account) -> Iterator[str]:
    """Yield the report piece by piece: one object, its lists an element a line."""
    closest = closest_pairs(account)
    uris = [document.uri for document in account.documents]
    conclusion = account.conclusion
    yield '{"schemaVersion":' + str(SCHEMA_VERSION)
    yield ',\n"job":' + _text(_job(account.job))
    yield from _list(
        "documents", (_document(each, closest.get(each.index), uris) for each in account.documents)
    )
    yield from _list("comparisons", (_pair(pair, uris) for pair in account.pairs))
    yield from _list("clusters", ({"members": [uris[at] for at in each]} for each in conclusion.clusters))
    yield from _list(
        "families",
        (
            {"members": [uris[at] for at in each.members], "evidence": list(each.evidence)}
            for each in conclusion.families
        ),
    )
    yield from _list(
        "rollup",
        (
            {"block": row.block, "text": row.text, "documents": [uris[at] for at in row.documents]}
            for row in conclusion.rollup
        ),
    )
    yield from _list("leftOnly", iter(conclusion.left_only))
    yield from _list("rightOnly", iter(conclusion.right_only))
    yield "}\n"


def _list(name: str, rows: Iterator[Any]) -> Iterator[str]:
    yield f',\n"{name}":['
    joint = "\n"
    for row in rows:
        yield joint + _text(row)
        joint = ",\n"
    yield "]"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _job(job: JobFacts) -> dict[str, Any]:
    row = {
        "name": job.name,
        "state": job.state,
        "plan": job.plan,
        "createTime": job.create_time,
        "endTime": job.end_time,
        "traceId": job.trace_id,
    }
    return row | ({"error": _failure(job.error)} if job.error else {})


def _document(document: Document, closest: Pair | None, uris: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "documentId": document.id,
        "uri": document.uri,
        "mediaType": document.media_type,
        "pages": document.pages,
        "words": document.words,
        "warnings": [code for code, _ in document.warnings],
    }
    if closest is not None:
        other = closest.right if closest.left == document.index else closest.left
        row |= {"closest": uris[other], "similarity": closest.overall}
    return row | ({"error": _failure(document.failure)} if document.failure else {})


def _pair(pair: Pair, uris: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"left": uris[pair.left], "right": uris[pair.right], "status": pair.status}
    if pair.compared:
        row |= {"similarity": dict(pair.similarity), "counts": dict(pair.counts)}
    return row | ({"error": _failure(pair.failure)} if pair.failure else {})


def _failure(failure: Failure) -> dict[str, Any]:
    return {"reason": failure.reason, "message": failure.message, "stage": failure.stage}
