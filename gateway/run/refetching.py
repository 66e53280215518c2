"""The fetch stage of a run once more, for documents whose bytes are gone from the blob store.

Each is fetched again from where it lay, as a source of its own. What comes may be other bytes than before: then the
document is those. Bytes that came with the job, or by an upload, lie nowhere else: they stay lost.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from collatio.runtime.errors import Reason
from collatio.runtime.rpc.stage import document_error
from collatio.v1 import common_pb2, fetch_pb2
from collatio.v1 import gateway_pb2 as pb
from gateway.run.documents import FAILED, FETCHED
from gateway.run.fetching import sources_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.run.stream import StageStream
    from gateway.run.writer import Writer

HELD_ALONE = ("inline:", "blob:")


def lies_elsewhere(document: pb.JobDocument) -> bool:
    """Tell whether a document's bytes can be fetched again."""
    return not document.member_path and not document.uri.startswith(HELD_ALONE)


class Refetching:
    """Fetches documents again and tells each to `ask`, the extract stage's door."""

    def __init__(
        self,
        stream: StageStream[fetch_pb2.FetchItem, fetch_pb2.FetchRequest, fetch_pb2.FetchResponse],
        spec: pb.JobSpec,
        lost: Sequence[pb.JobDocument],
        writer: Writer,
        *,
        ask: Callable[[pb.JobDocument], Awaitable[None]],
    ) -> None:
        self._stream, self._writer, self._ask = stream, writer, ask
        self._sources = sources_of(spec)
        self._lost = {document.document_id: document for document in lost}
        self._cancelled = False
        self.look: Callable[[pb.JobDocument], None] = lambda _: None

    def cancel(self) -> None:
        """Drop what is not answered."""
        self._cancelled = True
        self._stream.cancel()

    async def run(self, done: Callable[[], None]) -> None:
        """Fetch everything again; `done` is called when no further document can come."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send())
            async with aclosing(self._stream.responses()) as responses:
                async for response in responses:
                    for outcome in response.outcomes:
                        await self._take(outcome)
        if not self._cancelled:
            done()

    async def _send(self) -> None:
        for document in list(self._lost.values()):
            options = self._sources[document.source].plugin_options
            source = common_pb2.Source(uri=document.uri, plugin_options=options)
            item = fetch_pb2.FetchItem(item_id=document.document_id, source=source)
            await self._stream.send(item.item_id, item)
        self._stream.close()

    async def _take(self, outcome: fetch_pb2.FetchOutcome) -> None:
        kind = outcome.WhichOneof("result")
        document = self._lost.pop(outcome.item_id, None)
        if kind == "done":
            self._stream.answered(outcome.item_id)
            if document is not None:  # the source held nothing of that name any more
                gone = document_error(Reason.INPUT_LOST, "The document's bytes were lost.", "fetch")
                self._note(document, gone)
        elif document is not None and kind == "failure":
            self._note(document, outcome.failure.error)
        elif document is not None:
            made = _without_extraction(document)
            made.state = FETCHED
            made.blob.CopyFrom(outcome.document.blob)
            made.fetch_timing.CopyFrom(outcome.document.timing)
            made.fetch_reused = outcome.document.reused
            self._writer.document(made)
            await self._ask(made)

    def _note(self, document: pb.JobDocument, error: common_pb2.DocumentError) -> None:
        made = _without_extraction(document)
        made.state = FAILED
        made.error.CopyFrom(error)
        self._writer.document(made)
        self.look(made)


def _without_extraction(document: pb.JobDocument) -> pb.JobDocument:
    made = pb.JobDocument()
    made.CopyFrom(document)
    made.ClearField("extraction")
    made.ClearField("summary")
    return made
