"""The extract stage of a run: each document asked for as it is fetched, its members documents of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.errors import Reason
from collatio.runtime.identity import document_id
from collatio.v1 import extract_pb2
from collatio.v1 import gateway_pb2 as pb
from gateway.run.documents import EXTRACTED, FAILED
from gateway.run.refetching import lies_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.run.documents import Documents
    from gateway.run.stream import StageStream
    from gateway.run.writer import Writer

MEMBER = "!/"


class Extracting:
    """Asks for documents and journals what comes of them.

    `again` are ids of documents whose extraction is gone: what comes of them replaces what was known. With `mending`,
    a document whose bytes are gone, but lie elsewhere, is not failed: it is left in `lost`.
    """

    def __init__(
        self,
        stream: StageStream[extract_pb2.ExtractItem, extract_pb2.ExtractRequest, extract_pb2.ExtractResponse],
        documents: Documents,
        writer: Writer,
        *,
        again: Collection[str] = (),
        mending: bool = False,
    ) -> None:
        self._stream, self._documents, self._writer = stream, documents, writer
        self._again, self._mending = again, mending
        self.lost: list[pb.JobDocument] = []
        self._paths: dict[str, dict[str, int]] = {}
        self.look: Callable[[pb.JobDocument], None] = lambda _: None

    async def ask(self, document: pb.JobDocument) -> None:
        """Ask for a document's extraction; waits while too many are in flight."""
        item = extract_pb2.ExtractItem(
            item_id=document.document_id, blob=document.blob, name=document.uri.rpartition("/")[2]
        )
        await self._stream.send(item.item_id, item)

    def close(self) -> None:
        """Say that no further document comes."""
        self._stream.close()

    def cancel(self) -> None:
        """Drop what is not answered."""
        self._stream.cancel()

    async def run(self) -> None:
        """Journal outcomes until every document asked for, and every member of it, is answered."""
        async for response in self._stream.responses():
            for outcome in response.outcomes:
                self._take(outcome)

    def _take(self, outcome: extract_pb2.ExtractOutcome) -> None:
        asked = self._documents.get(outcome.item_id)
        if asked is None:
            return
        document = self._member(asked, outcome) if outcome.member_path else asked
        if self._mending and outcome.error.reason == Reason.INPUT_LOST and lies_elsewhere(document):
            self.lost.append(document)
        elif self._is_news(document, outcome):
            made = pb.JobDocument()
            made.CopyFrom(document)
            _fill(made, outcome)
            self._writer.document(made)
            self.look(made)
        self._count(outcome)

    def _is_news(self, document: pb.JobDocument, outcome: extract_pb2.ExtractOutcome) -> bool:
        if document.document_id in self._again:
            return document.extraction.sha256 != outcome.extraction.sha256
        return document.state not in {EXTRACTED, FAILED}

    def _count(self, outcome: extract_pb2.ExtractOutcome) -> None:
        """Note an answer: an item is done once it and each of its members, nested ones too, has one."""
        paths = self._paths.setdefault(outcome.item_id, {})
        paths[outcome.member_path] = outcome.member_count
        if len(paths) == 1 + sum(paths.values()):
            del self._paths[outcome.item_id]
            self._stream.answered(outcome.item_id)

    def _member(self, asked: pb.JobDocument, outcome: extract_pb2.ExtractOutcome) -> pb.JobDocument:
        """Return a member's document, made at its first outcome."""
        identifier = document_id(asked.source, asked.uri, outcome.member_path)
        known = self._documents.get(identifier)
        if known is not None:
            return known
        parent_path = outcome.member_path.rpartition(MEMBER)[0]
        parent = document_id(asked.source, asked.uri, parent_path) if parent_path else asked.document_id
        return pb.JobDocument(
            document_id=identifier,
            uri=f"{asked.uri}{MEMBER}{outcome.member_path}",
            source=asked.source,
            relative_path=f"{asked.relative_path}{MEMBER}{outcome.member_path}",
            parent_id=parent,
            member_path=outcome.member_path,
            state=pb.DOCUMENT_STATE_FETCHED,
            blob=outcome.document,
        )


def _fill(document: pb.JobDocument, outcome: extract_pb2.ExtractOutcome) -> None:
    """Write an outcome into a document."""
    document.extract_timing.CopyFrom(outcome.timing)
    document.extract_reused = outcome.reused
    if outcome.document.media_type:
        document.blob.CopyFrom(outcome.document)
    if outcome.WhichOneof("result") == "error":
        document.state = FAILED
        document.error.CopyFrom(outcome.error)
        document.ClearField("extraction")
        document.ClearField("summary")
        return
    document.state = EXTRACTED
    document.extraction.CopyFrom(outcome.extraction)
    document.summary.CopyFrom(outcome.summary)
    document.traceparent = outcome.traceparent
    document.member_count = outcome.member_count
