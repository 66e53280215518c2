"""What a retry keeps of the job it retries, and what it does again.

A retry is a job like any other, but its journal begins with what it keeps: documents of the ended job, as far
as the stage it begins at leaves them be. They are written by its run, as documents of its own that were reused;
what is to be fetched again is noted in a blob, under the job's field `kept`. A run that finds the field goes on
from there, so that a gateway that takes over needs the ended job no more.

The stages remember: a failure is answered from memory for an hour, an outcome for days. So a retry tells them
from when on they are to try again (`reopen_failed_before`), or to do again (`redo_before`): its own creation.

Known ugliness: the ended job may be deleted before the retry begins. Then nothing can be kept, and everything
is done again, with what the stages know.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import common_pb2, fetch_pb2
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.record import JobRef
from gateway.run.documents import EXTRACTED, FAILED, FETCHED
from gateway.run.stages import Since

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collatio.v1.common_pb2 import Source
    from gateway.journal.record import JobRecord
    from gateway.run.deps import RunDeps
    from gateway.run.documents import Documents
    from gateway.run.writer import Writer

PAGE = 1_000
FAILED_ONLY, FETCH = common_pb2.STAGE_UNSPECIFIED, common_pb2.STAGE_FETCH
EXTRACT, COMPARE = common_pb2.STAGE_EXTRACT, common_pb2.STAGE_COMPARE


@dataclass(frozen=True, slots=True)
class Ask:
    """A source to fetch: which of the job's, and for one that is part of it, its path there."""

    item_id: str
    source: Source
    relative_path: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is a source of the job, and not a document of one."""
        return ":" not in self.item_id


def since(record: JobRecord, stage: common_pb2.Stage.ValueType) -> Since:
    """Tell what a stage is to do again for a job; nothing, unless it is a retry."""
    if not record.retry_of:
        return Since()
    redo = FAILED_ONLY != record.retry_stage <= stage
    return Since(record.created_ms, record.created_ms if redo else None)


def all_sources(sources: Sequence[Source]) -> list[Ask]:
    """Ask for every source of a job."""
    return [Ask(str(index), source) for index, source in enumerate(sources)]


def source_of(item_id: str) -> int:
    """Return the source that an item belongs to."""
    return int(item_id.partition(":")[0])


async def keep(
    deps: RunDeps, record: JobRecord, sources: Sequence[Source], documents: Documents, writer: Writer
) -> list[Ask]:
    """Write what a retry keeps, unless it is written, and return what is to be fetched; all, for any other job."""
    if not record.retry_of or record.retry_stage == FETCH:
        return all_sources(sources)
    if record.kept:
        noted = await _noted(deps, record)
        return all_sources(sources) if noted is None else _asks(sources, noted)
    try:
        before = await deps.journal.read(JobRef(record.ref.tenant, record.retry_of.removeprefix("jobs/")))
    except CollatioError as error:
        if error.reason is not Reason.JOB_NOT_FOUND:
            raise
        return all_sources(sources)
    if before.state == "EXPIRED":
        return all_sources(sources)
    again = fetch_pb2.FetchRequest()
    offset = 0
    while page := await deps.journal.documents(before.ref, offset, PAGE):
        offset += len(page)
        for document in page:
            _sort(document, record.retry_stage, documents, writer, again)
        await writer.flush()
    if not before.documents.listing_done:  # it ended before it had seen everything
        del again.items[:]
        again.items.extend(fetch_pb2.FetchItem(item_id=str(index)) for index in range(len(sources)))
    put = deps.blobs.put
    data = again.SerializeToString(deterministic=True)
    digest = await asyncio.to_thread(lambda: put(record.ref.tenant, data, durable=True))
    await asyncio.to_thread(deps.blobs.sync)
    writer.field("kept", digest.encode())
    await writer.flush()
    return _asks(sources, again)


async def _noted(deps: RunDeps, record: JobRecord) -> fetch_pb2.FetchRequest | None:
    """Read what is to be fetched again; None where that is lost, and every source is to be asked."""
    try:
        data = await asyncio.to_thread(deps.blobs.get, BlobId(record.ref.tenant, record.kept))
    except CollatioError as error:
        if error.reason is not Reason.BLOB_NOT_FOUND:
            raise
        return None
    return fetch_pb2.FetchRequest.FromString(data)


def _sort(
    document: pb.JobDocument,
    stage: int,
    documents: Documents,
    writer: Writer,
    again: fetch_pb2.FetchRequest,
) -> None:
    """Keep a document, keep it as far as it was fetched, or note that it is to be fetched again."""
    made = _kept(document, stage)
    if made is None:
        if document.state == FAILED and not document.member_path:
            again.items.append(_item(document, len(again.items)))
    elif documents.get(made.document_id) is None:
        writer.document(made)


def _kept(document: pb.JobDocument, stage: int) -> pb.JobDocument | None:
    """Return what stays of a document; None for one that comes again: from its source, or out of its container."""
    if document.state == FAILED and stage == FAILED_ONLY:
        return None  # its bytes may have been mended at their source
    if document.state == FAILED:
        stays = stage == COMPARE or not document.HasField("blob")
    else:
        stays = stage != EXTRACT and document.state == EXTRACTED
    if not stays and (document.member_path or not document.HasField("blob")):
        return None
    made = pb.JobDocument()
    made.CopyFrom(document)
    made.fetch_reused = made.HasField("blob")
    if stays:
        made.extract_reused = made.state == EXTRACTED
        return made
    for name in ("error", "extraction", "summary", "extract_timing", "traceparent", "member_count"):
        made.ClearField(name)
    made.state, made.extract_reused = FETCHED, False
    return made


def _item(document: pb.JobDocument, number: int) -> fetch_pb2.FetchItem:
    """Note a failed document: alone where its own fetch failed, else with the whole source that was not listed."""
    if document.relative_path and document.HasField("fetch_timing"):
        item_id = f"{document.source}:{number}"
        source = common_pb2.Source(uri=document.uri, key=document.relative_path)
        return fetch_pb2.FetchItem(item_id=item_id, source=source)
    return fetch_pb2.FetchItem(item_id=str(document.source))


def _asks(sources: Sequence[Source], noted: fetch_pb2.FetchRequest) -> list[Ask]:
    """Turn what is noted into what is asked: a source once, and nothing of it beside."""
    whole = sorted({int(item.item_id) for item in noted.items if ":" not in item.item_id})
    asks = [Ask(str(index), sources[index]) for index in whole]
    parts: Iterable[fetch_pb2.FetchItem] = (item for item in noted.items if ":" in item.item_id)
    for item in parts:
        index = source_of(item.item_id)
        if index not in whole:
            part = common_pb2.Source(uri=item.source.uri, plugin_options=sources[index].plugin_options)
            asks.append(Ask(item.item_id, part, item.source.key))
    return asks
