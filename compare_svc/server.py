"""CompareService: validate, gather the manifest, submit the plan and its tiles, reply. It runs no comparer."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from collatio.runtime.blobs.digest import BlobId, is_digest
from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.ledger.keys import step_key
from collatio.runtime.ledger.records import State, Step, StepState
from collatio.runtime.queue.converse import Reply, converse
from collatio.runtime.rpc.parts import PART_BYTES, named_pairs, split, split_comparison
from collatio.runtime.rpc.stage import Again, StageDesk, failed_state_error, job_id_of, tenant_of, timing
from collatio.runtime.telemetry.job_spans import anchor, step_reused
from collatio.runtime.telemetry.traceparent import traceparent_of
from collatio.v1 import common_pb2, compare_pb2, compare_pb2_grpc, extract_pb2
from compare_svc.adapters import read_plan
from compare_svc.convert import Gathered, name_rollup, text_extraction
from compare_svc.engine.cost import predict_cost
from compare_svc.engine.registry import Registry, fingerprint
from compare_svc.engine.versioning import PLAN_ENGINE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.ledger.ledger import AsyncLedger
    from collatio.runtime.queue.dispatcher import Dispatcher
    from collatio.runtime.telemetry.tracing import Tracing
    from compare_svc.settings import Settings

SERVICE = "collatio.v1.CompareService"
DOCUMENTS_MAX = 1_000
ID_MAX = 128
TEXT_MAX = 1 << 20
PLAN_MS = 20


@dataclass(frozen=True, slots=True)
class Desk:
    """What every stream of this server works with."""

    dispatcher: Dispatcher
    blobs: BlobStore
    registry: Registry
    tracing: Tracing
    settings: Settings


class CompareConversation:
    """One stream: a manifest is gathered, planned at half-close, and its tiles compared."""

    def __init__(self, desk: Desk, tenant: str, first: compare_pb2.CompareRequest) -> None:
        self.job = job_id_of(first.job)
        self._desk, self._tenant = desk, tenant
        self._manifest = compare_pb2.ComparePlan(spec=first.spec)
        self._engine = fingerprint(desk.registry.resolve(tuple(first.spec.comparators)))
        self._references_only = first.references_only
        self._again = Again.asked(first)
        self._seen: set[str] = set()
        self._plan: compare_pb2.ComparePlan | None = None
        self._tiles: dict[str, list[int]] = {}
        self._steps: dict[str, Step] = {}
        self._plan_key = ""
        self._gathered = Gathered()
        self._parent = anchor()

    async def take(self, request: compare_pb2.CompareRequest) -> Reply[compare_pb2.CompareResponse]:
        """Gather documents. Errors: INVALID_REQUEST."""
        if len(request.documents) > DOCUMENTS_MAX:
            raise invalid("documents", f"at most {DOCUMENTS_MAX} a message")
        for index, document in enumerate(request.documents):
            await self._gather(f"documents[{index}]", document)
        return Reply()

    async def _gather(self, path: str, document: compare_pb2.CompareDocument) -> None:
        if not document.document_id or len(document.document_id) > ID_MAX:
            raise invalid(f"{path}.document_id", f"must have 1 to {ID_MAX} characters")
        if document.document_id in self._seen:
            raise invalid(f"{path}.document_id", "must be unique within the stream")
        self._seen.add(document.document_id)
        kept = self._manifest.documents.add()
        kept.CopyFrom(document)
        content = document.WhichOneof("content")
        if content == "text":
            if len(document.text.encode()) > TEXT_MAX:
                raise invalid(f"{path}.text", "at most 1 MiB")
            data = text_extraction(document.text).SerializeToString(deterministic=True)
            kept.extraction.sha256 = await asyncio.to_thread(self._desk.blobs.put, self._tenant, data)
            kept.extraction.size_bytes = len(data)
        elif content != "extraction":
            raise invalid(path, "one of extraction and text must be set")
        elif not is_digest(document.extraction.sha256):
            raise invalid(f"{path}.extraction.sha256", "must be 64 lower-case hexadecimal digits")

    async def half_close(self) -> Reply[compare_pb2.CompareResponse]:
        """Submit the plan's step: the manifest goes into the blob store, its digest into the step."""
        data = self._manifest.SerializeToString(deterministic=True)
        digest = await asyncio.to_thread(self._desk.blobs.put, self._tenant, data)
        max_pairs = self._manifest.spec.max_pairs or self._desk.settings.max_pairs
        parts = {"manifest": digest, "max_pairs": max_pairs}
        step = Step(
            key=step_key(tenant=self._tenant, stage="compare", engine=PLAN_ENGINE, parts=parts),
            spec=json.dumps({"kind": "plan", **parts}),
            cost_ms=PLAN_MS + len(self._manifest.documents) // 20,
            engine=PLAN_ENGINE,
            traceparent=traceparent_of(self._parent),
            reopen_before_ms=self._again.reopen_before_ms,
            redo_before_ms=self._again.redo_before_ms,
        )
        self._plan_key = step.key
        self._steps[step.key] = step
        return Reply(steps=[step])

    async def settle(self, states: Sequence[StepState]) -> Reply[compare_pb2.CompareResponse]:
        """Answer the plan and each tile that ended."""
        responses: list[compare_pb2.CompareResponse] = []
        steps: list[Step] = []
        for state in states:
            if await self._is_lost(state):
                step = self._steps[state.key]
                steps.append(
                    Step(step.key, step.spec, step.cost_ms, step.engine, step.traceparent, lost=state.digest)
                )
            elif state.key == self._plan_key:
                planned = await self._planned(state)
                responses += planned.responses
                steps += planned.steps
            else:
                for tile in self._tiles.pop(state.key, ()):
                    responses += [response async for response in self._answer(state, tile)]
        return Reply(responses, steps)

    async def conclude(self) -> Reply[compare_pb2.CompareResponse]:
        """Say what the plan concluded over all documents, where it has something to say."""
        if self._plan is None:
            return Reply()
        found = self._gathered.conclusion(self._plan)
        if found.rollup:
            baseline = next(d for d in self._plan.documents if d.baseline)
            data = await asyncio.to_thread(
                self._desk.blobs.get, BlobId(self._tenant, baseline.extraction.sha256)
            )
            name_rollup(found, extract_pb2.Extraction.FromString(data))
        if not found.ByteSize():
            return Reply()
        return Reply([compare_pb2.CompareResponse(conclusion=part) for part in split(found)])

    async def _is_lost(self, state: StepState) -> bool:
        if not state.known or state.state is not State.DONE:
            return False
        blob = BlobId(self._tenant, state.digest)
        return await asyncio.to_thread(self._desk.blobs.stat, blob) is None

    async def _planned(self, state: StepState) -> Reply[compare_pb2.CompareResponse]:
        """Read the plan and submit its tiles. Errors: TOO_MANY_PAIRS, INVALID_REQUEST, as the plan failed."""
        if state.state is not State.DONE:
            reason = Reason(state.reason) if state.reason in Reason.__members__ else Reason.INTERNAL
            raise CollatioError(reason, state.message)
        plan = await asyncio.to_thread(read_plan, self._desk.blobs, self._tenant, state.digest)
        self._plan = plan
        summary = json.loads(state.summary)
        planned = compare_pb2.ComparePlanned(
            pair_count=summary["pairs"],
            tile_count=summary["tiles"],
            plan=common_pb2.BlobRef(sha256=state.digest, size_bytes=summary["size"]),
        )
        steps = [step for step in self._tile_steps(plan, state.digest) if step is not None]
        return Reply([compare_pb2.CompareResponse(planned=planned)], steps)

    def _tile_steps(self, plan: compare_pb2.ComparePlan, digest: str) -> Iterator[Step | None]:
        """Make a step a tile, known by what its pairs hold and how they are compared; equal tiles share one."""
        how = compare_pb2.CompareSpec(
            ignore=plan.spec.ignore,
            comparators=plan.spec.comparators,
            plugin_options=plan.spec.plugin_options,
        )
        options = how.SerializeToString(deterministic=True).hex()
        output = self._desk.settings.tile_output
        known_by = step_key(
            tenant=self._tenant,
            stage="prior",
            engine=self._engine,
            parts={"options": options, "output": output},
        )
        rollup = plan.spec.WhichOneof("plan") == "baseline"
        for number, tile in enumerate(plan.tiles):
            pairs = [
                (plan.documents[a].extraction.sha256, plan.documents[b].extraction.sha256)
                for a, b in zip(tile.left, tile.right, strict=True)
            ]
            parts = {
                "pairs": pairs,
                "options": options,
                "output": output,
                "rollup": rollup,
            }
            key = step_key(tenant=self._tenant, stage="compare", engine=self._engine, parts=parts)
            self._tiles.setdefault(key, []).append(number)
            if key in self._steps:
                yield None
                continue
            self._steps[key] = Step(
                key=key,
                spec=json.dumps(
                    {"kind": "tile", "plan": digest, "tile": number, "rollup": rollup, "how": known_by}
                ),
                cost_ms=_cost_ms(plan, tile),
                engine=self._engine,
                traceparent=traceparent_of(self._parent),
                reopen_before_ms=self._again.reopen_before_ms,
                redo_before_ms=self._again.redo_before_ms,
            )
            yield self._steps[key]

    async def _answer(self, state: StepState, number: int) -> AsyncIterator[compare_pb2.CompareResponse]:
        """Make a tile's response, its comparisons inline in parts unless references are enough."""
        assert self._plan is not None, "tiles follow the plan"
        planned = self._plan.tiles[number]
        reused = state.known and state.job != self.job
        if reused:
            step_reused(self._desk.tracing, self._parent, state.traceparent)
        tile = compare_pb2.CompareTile(
            tile=number, pair_count=len(planned.left), reused=reused, timing=timing(state)
        )
        if state.state is not State.DONE:
            tile.error.CopyFrom(failed_state_error(state, "compare"))
            for a, b in zip(planned.left, planned.right, strict=True):
                documents = self._plan.documents
                tile.pairs.add(left_id=documents[a].document_id, right_id=documents[b].document_id)
            yield compare_pb2.CompareResponse(tile=tile)
            return
        self._gathered.add(self._plan, planned, state.children)
        summary = json.loads(state.summary)
        tile.compared_count, tile.not_comparable_count = summary["compared"], summary["not_comparable"]
        tile.reused_count = summary["compared"] if reused else summary.get("known", 0)
        tile.comparisons.sha256, tile.comparisons.size_bytes = state.digest, summary["size"]
        if self._references_only:
            yield compare_pb2.CompareResponse(tile=tile)
            return
        data = await asyncio.to_thread(self._desk.blobs.get, BlobId(self._tenant, state.digest))
        found = compare_pb2.TileComparisons.FromString(data)
        for response in _parts(tile, named_pairs(found, self._plan, planned)):
            yield response


def _parts(
    tile: compare_pb2.CompareTile, comparisons: Iterator[compare_pb2.Comparison]
) -> Iterator[compare_pb2.CompareResponse]:
    """Cut a tile's comparisons into messages; one too large for a message is cut between its changes."""
    part = compare_pb2.CompareTile()
    part.CopyFrom(tile)
    for comparison in comparisons:
        for piece in split_comparison(comparison):
            if part.content and part.ByteSize() + piece.ByteSize() > PART_BYTES:
                part.more = True
                yield compare_pb2.CompareResponse(tile=part)
                part = compare_pb2.CompareTile(tile=tile.tile)
            part.content.append(piece)
    yield compare_pb2.CompareResponse(tile=part)


def _cost_ms(plan: compare_pb2.ComparePlan, tile: compare_pb2.PlannedTile) -> int:
    documents = plan.documents
    seconds = sum(
        predict_cost(documents[a].summary.character_count, documents[b].summary.character_count)
        for a, b in zip(tile.left, tile.right, strict=True)
    )
    return max(1, round(seconds * 1000))


class CompareServicer(StageDesk, compare_pb2_grpc.CompareServiceServicer):
    """The service's methods."""

    def __init__(self, ledger: AsyncLedger, desk: Desk) -> None:
        super().__init__("compare", ledger)
        self._desk = desk

    async def Compare(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[compare_pb2.CompareRequest], context: Any
    ) -> AsyncIterator[compare_pb2.CompareResponse]:
        """Compare the documents of a stream."""
        tenant = tenant_of(context)
        begin = partial(CompareConversation, self._desk, tenant)
        talk = converse(self._desk.dispatcher, tenant, request_iterator, begin, context.time_remaining)
        async with aclosing(talk) as responses:
            async for response in responses:
                yield response
