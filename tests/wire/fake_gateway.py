"""A gateway without a mesh: a real gRPC server on loopback whose jobs are done in memory, at once.

It reads `file:` URIs and uploaded blobs as plain text, compares by words, and breaks where a `Script` says so.
`FakeMesh` stands in for the embedded mesh; `served` runs a gateway in a thread of its own, for tests whose
code under test owns the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote_to_bytes

import grpc
import grpc.aio

from collatio.runtime.errors import CATALOGUE, CollatioError, Reason
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import extract_pb2 as extract
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc
from tests.wire.fake_jobs import CORRUPT, END, SCAN, TRACE_ID, Stored
from tests.wire.fake_services import Blobs, Jobs, Mesh

__all__ = ["CORRUPT", "SCAN", "TRACE_ID", "FakeGateway", "FakeMesh", "Script", "served"]

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Script:
    """Where a gateway misbehaves. Lists are used up from the front, one item a call."""

    hold: bool = False  # jobs run until they are cancelled
    refuse: CollatioError | None = None  # CreateJob's answer
    create_breaks: list[grpc.StatusCode] = field(default_factory=list)  # after the job was made
    watch_breaks: list[tuple[int, grpc.StatusCode]] = field(default_factory=list)  # after so many messages
    part_breaks: list[grpc.StatusCode] = field(default_factory=list)  # after a result's first part
    read_breaks: list[grpc.StatusCode] = field(default_factory=list)  # after a blob's first chunk
    heartbeats: int = 0  # before the events of a watch
    page: int = 1000
    changes_per_page: int = 1000  # changes that a listed comparison carries
    gone: set[str] = field(default_factory=set)  # documents, by URI, whose extraction is lost
    quarantine: dict[str, common.Stage.ValueType] = field(default_factory=dict)  # the stage of each key
    final_state: int | None = None


class FakeGateway:
    """The servicers and the server. `calls` counts methods, `received` the bytes of each upload call."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.jobs: dict[str, Stored] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.received: list[int] = []
        self.watched_after: list[int] = []
        self.retried_from: list[int] = []
        self.metadata: list[tuple[str, str]] = []
        self.left = asyncio.Event()  # a watch has ended on this side
        self.port = 0
        self._server: Any = None

    @property
    def target(self) -> str:
        """The address, `host:port`."""
        return f"127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> Self:
        """Serve on loopback."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        gateway_pb2_grpc.add_JobServiceServicer_to_server(Jobs(self), self._server)
        gateway_pb2_grpc.add_BlobServiceServicer_to_server(Blobs(self), self._server)
        gateway_pb2_grpc.add_MeshServiceServicer_to_server(Mesh(self), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        await self._server.start()
        return self

    async def stop(self) -> None:
        """Stop at once, breaking what is open."""
        await self._server.stop(0)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def find(self, name: str) -> Stored:
        """Give a job."""
        if name not in self.jobs:
            raise CollatioError(Reason.JOB_NOT_FOUND)
        return self.jobs[name]

    def run(self, stored: Stored) -> None:
        """Do a job's work."""
        _Work(self, stored).run()


class FakeMesh:
    """An embedded mesh that is only a gateway. `opened` is what it was opened with."""

    def __init__(self, gateway: FakeGateway | None = None, error: CollatioError | None = None) -> None:
        self.gateway = gateway or FakeGateway()
        self.error = error
        self.opened: dict[str, Any] = {}
        self.stopped = False
        self.failed: CollatioError | None = None

    def __call__(self, **opened: Any) -> FakeMesh:
        """Note what it is opened with."""
        self.opened = opened
        return self

    @property
    def stage_targets(self) -> dict[str, str]:
        """One stage's address, where nothing serves."""
        return {"fetch": "127.0.0.1:51001"}

    @property
    def gateway_target(self) -> str:
        """The gateway's address."""
        return self.gateway.target

    @property
    def data_dir(self) -> Path:
        """A folder that is not there: a fake mesh keeps nothing."""
        return Path("no-such-mesh")

    async def wait_failed(self) -> CollatioError:
        """Wait for ever, unless the test set `failed`."""
        while self.failed is None:
            await asyncio.Event().wait()
        return self.failed

    async def __aenter__(self) -> Self:
        if self.error is not None:
            raise self.error
        await self.gateway.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.stop()
        self.stopped = True


@contextmanager
def served(script: Script | None = None) -> Iterator[FakeGateway]:
    """Run a gateway in a thread with an event loop of its own."""
    gateway, loop, ready = FakeGateway(script), asyncio.new_event_loop(), threading.Event()

    async def main() -> None:
        async with gateway:
            ready.set()
            await stopping.wait()

    stopping = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert ready.wait(10), "the fake gateway did not start"
    try:
        yield gateway
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()


class _Work:
    """A whole job, in memory."""

    def __init__(self, gateway: FakeGateway, stored: Stored) -> None:
        self.gateway = gateway
        self.stored = stored

    def run(self) -> None:
        job, spec = self.stored.job, self.stored.job.spec
        job.state = pb.JOB_STATE_RUNNING
        sources = list(spec.sources)
        if spec.compare.baseline.HasField("source"):
            sources.append(spec.compare.baseline.source)
        for index, source in enumerate(sources):
            self._source(index, source)
        job.documents.listing_done = True
        self._event(listing=pb.ListingProgress(sources_done=len(sources), sources=len(sources)))
        if spec.HasField("compare"):
            self._compare()
        self._end()

    def _source(self, index: int, source: common.Source) -> None:
        for uri, relative, content in self._contents(source):
            name = hashlib.sha256(f"{index} {uri} {relative}".encode()).hexdigest()[:16]
            document = pb.JobDocument(document_id=name, uri=uri, source=index, relative_path=relative)
            if isinstance(content, bytes):
                self._extract(document, content)
            else:
                self._fail(document, content, common.STAGE_FETCH)

    def _contents(self, source: common.Source) -> Iterator[tuple[str, str, bytes | Reason]]:
        if source.WhichOneof("origin") == "blob":
            yield f"blob:sha256:{source.blob.sha256}", "", self.gateway.blobs[source.blob.sha256]
        elif source.WhichOneof("origin") == "uri_list":
            for uri in self.gateway.blobs[source.uri_list.sha256].decode().split():
                yield from self._contents(common.Source(uri=uri))
        elif source.uri.startswith("blob:sha256:"):
            yield source.uri, "", self.gateway.blobs[source.uri.rpartition(":")[2]]
        elif source.uri.startswith("file:///"):
            yield from self._files(source.uri)
        else:
            yield source.uri, "", Reason.URI_SCHEME_UNSUPPORTED

    def _files(self, uri: str) -> Iterator[tuple[str, str, bytes | Reason]]:
        path = Path(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))))
        if path.is_dir():
            for each in sorted(path.rglob("*")):
                if each.is_file():
                    relative = each.relative_to(path).as_posix()
                    yield uri + quote(relative), relative, each.read_bytes()
        elif path.is_file():
            yield uri, "", path.read_bytes()
        else:
            yield uri, "", Reason.SOURCE_NOT_FOUND

    def _extract(self, document: pb.JobDocument, content: bytes) -> None:
        job = self.stored.job
        document.blob.sha256 = hashlib.sha256(content).hexdigest()
        document.blob.size_bytes = len(content)
        job.documents.found += 1
        job.documents.fetched += 1
        self._document(document, pb.DOCUMENT_STATE_FETCHED)
        if content.startswith(CORRUPT):
            self._fail(document, Reason.DOCUMENT_CORRUPT, common.STAGE_EXTRACT)
            return
        text = "" if content.startswith(SCAN) else content.decode("utf-8", "replace").strip()
        whole = extract.Extraction(media_type="text/plain", engine="fake@1")
        whole.metadata.title = text[:20]
        whole.metadata.language = "en"
        whole.blocks.extend(extract.Block(text=part) for part in text.split("\n\n") if part)
        if not text:
            whole.warnings.add(code="NO_TEXT" if content else "EMPTY", message="Nothing to read.")
        for line in text.splitlines():
            if "\t" in line:
                row = extract.TableRow(cells=[extract.TableCell(text=cell) for cell in line.split("\t")])
                whole.tables.add(rows=[row])
        self.stored.extractions[document.document_id] = whole
        job.documents.extracted += 1
        self._document(document, pb.DOCUMENT_STATE_EXTRACTED)

    def _fail(self, document: pb.JobDocument, reason: Reason, stage: int) -> None:
        document.error.reason = str(reason)
        document.error.message = CATALOGUE[reason].meaning
        document.error.stage = stage  # type: ignore[assignment] # an enum's number
        if not document.blob.sha256:
            self.stored.job.documents.found += 1
        self.stored.job.documents.failed += 1
        self._document(document, pb.DOCUMENT_STATE_FAILED)

    def _document(self, document: pb.JobDocument, state: pb.DocumentState.ValueType) -> None:
        document.state = state
        self.stored.documents = [
            each for each in self.stored.documents if each.document_id != document.document_id
        ]
        self.stored.documents.append(document)
        copy = pb.JobDocument()
        copy.CopyFrom(document)
        self._event(document=copy)

    def _compare(self) -> None:
        counts = self.stored.job.comparisons
        pairs = list(self._pairs())
        counts.planned = len(pairs)
        self._event(comparisons=counts)
        for left, right in pairs:
            comparison = self._compared(left, right)
            self.stored.comparisons.append(comparison)
            if comparison.status == compare.COMPARISON_STATUS_COMPARED:
                counts.compared += 1
            else:
                counts.not_comparable += 1
        self._event(comparisons=counts)

    def _pairs(self) -> Iterator[tuple[pb.JobDocument, pb.JobDocument]]:
        plan = self.stored.job.spec.compare
        good = [each for each in self.stored.documents if each.state == pb.DOCUMENT_STATE_EXTRACTED]
        names = {self._key(each) or each.uri: each for each in good} | {each.uri: each for each in good}
        match plan.WhichOneof("plan"):
            case "baseline":
                source = plan.baseline.source
                name = plan.baseline.key or source.uri or source.key
                base = names.get(name)
                if base is None:
                    self.stored.job.error.reason = "BASELINE_FAILED"
                    return
                yield from ((base, each) for each in good if each.uri != base.uri)
            case "explicit":
                yield from ((names[each.left], names[each.right]) for each in plan.explicit.pairs)
            case "matched":
                sides = [
                    {each.relative_path: each for each in good if self._key(each) == key}
                    for key in (plan.matched.left, plan.matched.right)
                ]
                yield from ((sides[0][path], sides[1][path]) for path in sorted(sides[0].keys() & sides[1]))
            case _:
                yield from combinations(good, 2)

    def _key(self, document: pb.JobDocument) -> str:
        spec = self.stored.job.spec
        if document.source < len(spec.sources):
            return spec.sources[document.source].key
        return spec.compare.baseline.source.key

    def _compared(self, left: pb.JobDocument, right: pb.JobDocument) -> compare.Comparison:
        comparison = compare.Comparison(
            comparison_id=f"{left.document_id}..{right.document_id}",
            left=_side(left),
            right=_side(right),
            engine="fake@1",
        )
        texts = [
            " ".join(block.text for block in self.stored.extractions[each.document_id].blocks).split()
            for each in (left, right)
        ]
        if not all(texts):
            comparison.status = compare.COMPARISON_STATUS_NOT_COMPARABLE
            comparison.error.reason = "NO_TEXT"
            return comparison
        comparison.status = compare.COMPARISON_STATUS_COMPARED
        common_words = sum((Counter(texts[0]) & Counter(texts[1])).values())
        comparison.similarity.text = 2 * common_words / sum(map(len, texts))
        comparison.similarity.overall = comparison.similarity.text
        for word in sorted(set(texts[0]) - set(texts[1])):
            change = comparison.changes.add(kind=compare.CHANGE_KIND_DELETED, scope=compare.CHANGE_SCOPE_TEXT)
            change.left_text = word
            change.left.length = len(word)
        comparison.counts.changes = len(comparison.changes)
        comparison.counts.words_equal = common_words
        return comparison

    def _end(self) -> None:
        job, counts = self.stored.job, self.stored.job.documents
        if self.gateway.script.final_state is not None:
            job.state = self.gateway.script.final_state  # type: ignore[assignment] # an enum's number
        elif job.error.reason:
            job.state = pb.JOB_STATE_FAILED
        elif not counts.found:
            job.state, job.error.reason = pb.JOB_STATE_FAILED, "NO_DOCUMENTS"
        elif not counts.extracted:
            job.state, job.error.reason = pb.JOB_STATE_FAILED, "ALL_DOCUMENTS_FAILED"
        else:
            job.state = pb.JOB_STATE_SUCCEEDED
        job.end_time.CopyFrom(END)
        change = pb.Job(name=job.name, state=job.state, documents=counts, comparisons=job.comparisons)
        self._event(state_change=change)

    def _event(self, **what: Any) -> None:
        self.stored.job.sequence += 1
        self.stored.events.append(pb.JobEvent(sequence=self.stored.job.sequence, **what))


def _side(document: pb.JobDocument) -> compare.ComparedDocument:
    return compare.ComparedDocument(
        document_id=document.document_id, uri=document.uri, sha256=document.blob.sha256
    )
