"""A document as a row: what it says, or why it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from collatio.cli.output import SCHEMA_VERSION
from collatio.client.messages import BlockKind, DocumentState, JobState, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from collatio.cli.output.names import Names
    from collatio.client.messages import (
        Block,
        DocumentError,
        DocumentWarning,
        Extraction,
        Job,
        JobDocument,
        Metadata,
        Table,
    )
    from collatio.runtime.errors import CollatioError

Row = dict[str, Any]

_BLOCK_JOINT = "\n\n"

PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a document has no text, or a pair no comparison. `stage` is "fetch", "extract" or "compare"."""

    reason: str
    message: str
    stage: str
    retryable: bool = False

    def row(self) -> Row:
        """Make the `error` of a row."""
        return {
            "reason": self.reason,
            "message": self.message,
            "stage": self.stage,
            "retryable": self.retryable,
        }


@dataclass(frozen=True, slots=True)
class LocalFailure:
    """A path of the caller's that never reached the mesh, because it could not be read here."""

    uri: str
    failure: Failure


def failure_of(error: DocumentError) -> Failure:
    """Make the failure that a document's or a pair's own error states."""
    stage = Stage.Name(error.stage).removeprefix("STAGE_").lower() if error.stage in Stage.values() else ""
    return Failure(error.reason, error.message, "" if stage == "unspecified" else stage, error.retryable)


def failure_from(error: CollatioError, stage: str) -> Failure:
    """Make the failure of a result that could not be read."""
    return Failure(str(error.reason), error.message, stage, error.retryable)


def unfinished(document: JobDocument, job: Job) -> Failure | None:
    """Say why a document has no extraction; None where it should have one."""
    if document.state == DocumentState.DOCUMENT_STATE_FAILED:
        return failure_of(document.error)
    if document.state == DocumentState.DOCUMENT_STATE_EXTRACTED:
        return None
    state = JobState.Name(job.state).removeprefix("JOB_STATE_")
    return Failure(
        job.error.reason or state, "The job ended before this document was extracted.", "extract", True
    )


def extraction_row(document: JobDocument, names: Names, extraction: Extraction) -> Row:
    """Make the row of a document that was extracted."""
    meta = extraction.metadata
    return {
        **_head(document, names),
        "mediaType": extraction.media_type or document.blob.media_type,
        "text": _BLOCK_JOINT.join(block.text for block in extraction.blocks),
        "pageCount": meta.page_count or len(extraction.pages) or document.summary.page_count,
        "blocks": list(_blocks(extraction.blocks)),
        "tables": [_table(table, stated=extraction.media_type != PDF) for table in extraction.tables],
        "metadata": _metadata(meta),
        "language": meta.language or document.summary.language,
        "warnings": [_warning(each) for each in extraction.warnings],
        **_tail(document, names),
    }


def failed_row(document: JobDocument, names: Names, failure: Failure) -> Row:
    """Make the row of a document that failed."""
    return {
        **_head(document, names),
        "mediaType": document.blob.media_type,
        **_tail(document, names),
        "error": failure.row(),
    }


def local_row(local: LocalFailure) -> Row:
    """Make the row of a path that could not be read here."""
    return {"schemaVersion": SCHEMA_VERSION, "documentId": "", "uri": local.uri, "error": local.failure.row()}


def failure_row(document: JobDocument, names: Names, failure: Failure) -> Row:
    """Make the row of a failed document among the failures."""
    return {
        **_head(document, names),
        **_tail(document, names),
        **failure.row(),
    }


def local_failure_row(local: LocalFailure) -> Row:
    """Make the row of an unread path among the failures."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "documentId": "",
        "uri": local.uri,
        **local.failure.row(),
    }


def _head(document: JobDocument, names: Names) -> Row:
    return {
        "schemaVersion": SCHEMA_VERSION,
        "documentId": document.document_id,
        "uri": names.uri(document),
        "sha256": document.blob.sha256,
    }


def _tail(document: JobDocument, names: Names) -> Row:
    parent = names.parent(document)
    return {} if parent is None else {"parent": parent}


def _blocks(blocks: Iterable[Block]) -> Iterator[Row]:
    """Say where each block stands in the row's text, in code points, so that no text is written twice."""
    start = 0
    for block in blocks:
        row: Row = {"kind": _kind(block.kind), "start": start, "length": len(block.text)}
        for name in ("level", "page"):
            if getattr(block, name):
                row[name] = getattr(block, name)
        if block.HasField("table"):
            row["table"] = block.table
        yield row
        start += len(block.text) + len(_BLOCK_JOINT)


@cache  # a job has more blocks than there are kinds
def _kind(kind: BlockKind.ValueType) -> str:
    if kind not in BlockKind.values():
        return str(kind)
    return BlockKind.Name(kind).removeprefix("BLOCK_KIND_")


def _table(table: Table, *, stated: bool) -> Row:
    """Make a table's rows of texts.

    Where the format states spans, the spanning text is repeated in each place it covers, so that a row can be
    read by itself. A PDF states none: its spans are read from missing lines, and a text stays where it stands.
    """
    grid = [[cell.text for cell in row.cells] for row in table.rows]
    for at, row in enumerate(table.rows if stated else ()):
        for column, cell in enumerate(row.cells):
            for below in range(at, min(at + max(cell.row_span, 1), len(grid))):
                for right in range(column, min(column + max(cell.column_span, 1), len(grid[below]))):
                    if cell.row_span > 1 or cell.column_span > 1:
                        grid[below][right] = cell.text
    return {"rows": grid}


def _metadata(meta: Metadata) -> Row:
    row: Row = {
        "title": meta.title,
        "author": meta.author,
        "subject": meta.subject,
        "keywords": list(meta.keywords),
        "language": meta.language,
    }
    if meta.HasField("create_time"):
        row["createTime"] = meta.create_time.ToJsonString()
    if meta.HasField("modify_time"):
        row["modifyTime"] = meta.modify_time.ToJsonString()
    row["raw"] = [{"key": each.key, "value": each.value} for each in meta.raw]
    return row


def _warning(warning: DocumentWarning) -> Row:
    row: Row = {"code": warning.code, "message": warning.message}
    if warning.page:
        row["page"] = warning.page
    return row
