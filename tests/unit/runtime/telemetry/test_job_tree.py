"""One job through two real servers and a queue: the tree that whoever is paged sees."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from opentelemetry.trace import SpanKind

from collatio.runtime.telemetry.job_spans import anchor, document, job_accepted, job_run, stage_opened, tile
from collatio.runtime.telemetry.messages import processing, sending
from collatio.runtime.telemetry.rpc_client import client_interceptors
from collatio.runtime.telemetry.traceparent import context_from, links_to, traceparent_of
from collatio.runtime.telemetry.tracing import attached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXTS = {"request_serializer": str.encode, "response_deserializer": bytes.decode}
PATH = "/collatio.test.Probe/"
DOCUMENTS = [f"d-{number}" for number in range(6)]


class Mesh:
    """A gateway, two stages and their workers, reduced to what they trace."""

    def __init__(self, tracing: Any) -> None:
        self.tracing = tracing
        self.address = ""
        self.documents: list[str] = []  # the traceparents that extraction records
        self.job: asyncio.Task[None] | None = None

    async def create_job(self, request: str, context: Any) -> str:
        """Accept a job and answer at once, as the gateway does."""
        record = traceparent_of(job_accepted(self.tracing, "j-1"))
        self.job = asyncio.ensure_future(self.run_job(record))
        return record

    async def run_job(self, record: str) -> None:
        """Run a job from its record alone, as a gateway that takes one over does."""
        job = context_from(record, "j-1")
        run = job_run(self.tracing, job, document_count=len(DOCUMENTS))
        interceptors = client_interceptors(self.tracing, self.address)
        async with grpc.aio.insecure_channel(self.address, interceptors=interceptors) as channel:
            for stage in ("fetch", "extract", "compare"):
                with attached(stage_opened(self.tracing, stage, job)):
                    call = channel.stream_stream(f"{PATH}Stage", **TEXTS)(iter([stage]))
                    assert [one async for one in call] == ["done"]
        self.tracing.finish(run)

    async def stage(self, requests: Any, context: Any) -> AsyncIterator[str]:
        """Serve a stage: publish its work under the anchor, linked to this call, and wait for it."""
        async for stage in requests:
            queue = f"collatio.{stage}"
            link = links_to([traceparent_of()])
            with sending(self.tracing, queue, message_count=2, parent=anchor(), links=link) as batch:
                messages = [json.dumps([batch.headers(), part]) for part in (DOCUMENTS[:3], DOCUMENTS[3:])]
            # In another process, as far as contexts go: a thread of its own has an empty one.
            await asyncio.gather(
                *[asyncio.get_running_loop().run_in_executor(None, self.work, queue, one) for one in messages]
            )
            yield "done"

    def work(self, queue: str, message: str) -> None:
        """Work on a message, as a pool child does."""
        headers, part = json.loads(message)
        with processing(self.tracing, queue, headers, message_id="m", attempt=1):
            if queue == "collatio.compare":
                with tile(self.tracing, self.documents, pair_count=3):
                    return
            for one in part:
                with document(self.tracing, one) as span, self.tracing.span("blob.put"):
                    if queue == "collatio.extract":
                        self.documents.append(traceparent_of(span))


@pytest.fixture
def mesh(tracing: Any) -> Mesh:
    """Make a mesh of one server with both services' methods."""
    return Mesh(tracing)


async def test_a_job_is_one_tree_without_orphans(
    mesh: Mesh, serve: Any, handle: Any, tracing: Any, recorder: Any
) -> None:
    """One root, the caller's; every document under fetch and extract, and linked from its tiles."""
    methods = {
        "CreateJob": handle(mesh.create_job),
        "Stage": handle(mesh.stage, requests="stream", responses="stream"),
    }
    async with serve(methods) as port:
        mesh.address = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(mesh.address) as channel:
            with tracing.span("caller", kind=SpanKind.CLIENT):
                sent = tuple(tracing.inject().items())
                await channel.unary_unary(f"{PATH}CreateJob", **TEXTS)("", metadata=sent)
        assert mesh.job is not None
        await mesh.job
    spans = recorder.spans
    assert [root.name for root in spans.roots()] == ["caller"]
    assert spans.orphans() == []
    assert recorder.open == 0
    by_id = {span.span_id: span for span in spans}

    def path(span: Any) -> list[str]:
        return [span.name, *(path(by_id[span.parent_id]) if span.parent_id else [])]

    above = ["job.accepted", "collatio.test.Probe/CreateJob", "caller"]
    assert path(spans.named("job.run")[0]) == ["job.run", *above]
    for stage in ("fetch", "extract"):
        work = [f"process collatio.{stage}", f"send collatio.{stage}", f"stage.opened {stage}", *above]
        found = [span for span in spans.named("document") if path(span)[1] == work[0]]
        assert sorted(span.attributes["collatio.document.id"] for span in found) == DOCUMENTS
        assert all(path(span) == ["document", *work] for span in found)
        (call,) = [
            span
            for span in spans.children_of(spans.named(f"stage.opened {stage}")[0])
            if span.kind == "CLIENT"
        ]
        (server,) = spans.children_of(call)
        assert server.kind == "SERVER"
        assert spans.children_of(server) == []  # long spans parent nothing
        assert [link.span_id for link in spans.named(f"send collatio.{stage}")[0].links] == [server.span_id]
    extracted = {span.span_id for span in spans.named("document") if "extract" in path(span)[1]}
    assert all({link.span_id for link in one.links} == extracted for one in spans.named("tile"))
    below = [span for span in spans if "job.accepted" in path(span)]
    assert {span.attributes.get("collatio.job.id") for span in below} == {"j-1"}
