"""ExtractService: validate, submit to the ledger, await, reply. It runs no parser."""

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
from collatio.runtime.rpc.parts import PART_BYTES, split
from collatio.runtime.rpc.stage import (
    Again,
    StageDesk,
    document_error,
    failed_state_error,
    job_id_of,
    tenant_of,
    timing,
)
from collatio.runtime.sniff import sniff_bytes
from collatio.runtime.telemetry.job_spans import anchor, step_reused
from collatio.runtime.telemetry.traceparent import traceparent_of
from collatio.v1 import common_pb2, extract_pb2, extract_pb2_grpc
from extract_svc.adapters import children_of
from extract_svc.engine.cost import predict_ms
from extract_svc.engine.registry import HEAD_BYTES, Registry, fingerprint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.ledger.ledger import AsyncLedger
    from collatio.runtime.queue.dispatcher import Dispatcher
    from collatio.runtime.telemetry.tracing import Tracing
    from extract_svc.settings import Settings

SERVICE = "collatio.v1.ExtractService"
ITEMS_MAX = 1_000
ITEM_ID_MAX = 128
INLINE_MAX = 1 << 20
SNIFF_BYTES_MAX = 64 << 20
TEXT, EMPTY = "text/plain", {"application/x-empty", "inode/x-empty"}


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a document lies: in which item, on which path inside it, how deep; its bytes; its container's step."""

    item_id: str
    member_path: str
    depth: int
    blob: common_pb2.BlobRef
    container: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What every stream of this server works with."""

    dispatcher: Dispatcher
    blobs: BlobStore
    registry: Registry
    tracing: Tracing
    settings: Settings


class ExtractConversation:
    """One stream of documents. Equal documents share a step, so a key has one or more places."""

    def __init__(self, desk: Desk, tenant: str, first: extract_pb2.ExtractRequest) -> None:
        self.job = job_id_of(first.job)
        self._desk, self._tenant = desk, tenant
        self._spec = first.spec
        self._references_only = first.references_only
        self._again_asked = Again.asked(first)
        self._options: str | None = None
        self._places: dict[str, list[Placed]] = {}
        self._steps: dict[str, Step] = {}
        self._seen: set[str] = set()
        self._containers: dict[str, str] = {}
        self._unpacked_again: set[str] = set()
        self._lost_members: dict[str, list[tuple[Placed, StepState]]] = {}
        self._parent = anchor()

    async def take(self, request: extract_pb2.ExtractRequest) -> Reply[extract_pb2.ExtractResponse]:
        """Make the steps of a batch. Errors: INVALID_REQUEST."""
        if len(request.items) > ITEMS_MAX:
            raise invalid("items", f"at most {ITEMS_MAX} a message")
        if self._options is None:
            self._options = await self._store_options()
        placed = [await self._place(i, item) for i, item in enumerate(request.items)]
        return self._submit(placed, [item.name for item in request.items])

    async def half_close(self) -> Reply[extract_pb2.ExtractResponse]:
        """Nothing needs the whole of what was asked."""
        return Reply()

    async def conclude(self) -> Reply[extract_pb2.ExtractResponse]:
        """Nothing is left to say."""
        return Reply()

    async def settle(self, states: Sequence[StepState]) -> Reply[extract_pb2.ExtractResponse]:
        """Answer every place of the steps that ended; members found become steps of their own."""
        responses: list[extract_pb2.ExtractResponse] = []
        steps: list[Step] = []
        for state in states:
            if await self._is_lost(state):
                steps.append(self._again(state.key, state.digest))
                continue
            if state.key in self._lost_members:
                unpacked = await self._unpacked(state)
                responses += unpacked.responses
                steps += unpacked.steps
            for place in self._places.pop(state.key, ()):
                if _is_input_lost(state) and place.container not in {"", *self._unpacked_again}:
                    steps += self._unpack_again(state, place)
                    continue
                responses += await self._answer(state, place)
                children = await self._children(state, place)
                responses += children.responses
                steps += children.steps
        return Reply(_packed(responses), steps)

    def _unpack_again(self, state: StepState, place: Placed) -> list[Step]:
        """Have a container extracted again, because a member's bytes are gone; once, for all of its members."""
        waiting = self._lost_members.setdefault(place.container, [])
        waiting.append((place, state))
        return [self._again(place.container, self._containers[place.container])] if len(waiting) == 1 else []

    async def _unpacked(self, state: StepState) -> Reply[extract_pb2.ExtractResponse]:
        """Ask again for the members that a container was extracted again for."""
        self._unpacked_again.add(state.key)
        responses: list[extract_pb2.ExtractResponse] = []
        steps: dict[str, Step] = {}
        for place, lost in self._lost_members.pop(state.key):
            if state.state is State.DONE:
                steps[lost.key] = self._steps[lost.key]
                self._places.setdefault(lost.key, []).append(place)
            else:
                responses += await self._answer(lost, place)
        return Reply(responses, list(steps.values()))

    async def _store_options(self) -> str:
        data = self._spec.SerializeToString(deterministic=True)
        return await asyncio.to_thread(self._desk.blobs.put, self._tenant, data) if data else ""

    async def _place(self, index: int, item: extract_pb2.ExtractItem) -> Placed:
        """Validate an item; inline bytes go into the blob store."""
        path = f"items[{index}]"
        if not item.item_id or len(item.item_id) > ITEM_ID_MAX:
            raise invalid(f"{path}.item_id", f"must have 1 to {ITEM_ID_MAX} characters")
        if item.item_id in self._seen:
            raise invalid(f"{path}.item_id", "must be unique within the stream")
        self._seen.add(item.item_id)
        blob = common_pb2.BlobRef()
        if item.WhichOneof("input") == "blob":
            if not is_digest(item.blob.sha256):
                raise invalid(f"{path}.blob.sha256", "must be 64 lower-case hexadecimal digits")
            blob.CopyFrom(item.blob)
        elif item.WhichOneof("input") == "inline":
            if len(item.inline) > INLINE_MAX:
                raise invalid(f"{path}.inline", "at most 1 MiB; upload larger documents")
            blob.size_bytes = len(item.inline)
            blob.sha256 = await asyncio.to_thread(
                partial(self._desk.blobs.put, self._tenant, item.inline, durable=True)
            )
        else:
            raise invalid(path, "one of blob and inline must be set")
        await asyncio.to_thread(self._know, blob, item.name)
        return Placed(item.item_id, "", 0, blob)

    def _know(self, blob: common_pb2.BlobRef, name: str) -> None:
        """Settle size and media type; bytes that are gone are told by the step."""
        registry = self._desk.registry
        if blob.media_type and not registry.may_know_better(blob.media_type):
            return
        try:
            with self._desk.blobs.open(BlobId(self._tenant, blob.sha256)) as file:
                data = file.read(HEAD_BYTES if blob.media_type else SNIFF_BYTES_MAX)
        except CollatioError as error:
            if error.reason is not Reason.BLOB_NOT_FOUND:
                raise
            return
        if not blob.media_type:
            blob.size_bytes = blob.size_bytes or len(data)
            blob.media_type = sniff_bytes(data, name)
        blob.media_type = registry.recognise(data[:HEAD_BYTES], name, blob.media_type)

    def _submit(self, placed: Sequence[Placed], names: Sequence[str]) -> Reply[extract_pb2.ExtractResponse]:
        responses: list[extract_pb2.ExtractResponse] = []
        steps: list[Step] = []
        for place, name in zip(placed, names, strict=True):
            try:
                step = self._step(place, name)
            except CollatioError as error:
                failed = document_error(error.reason, error.message, "extract")
                responses.append(_response(_outcome(place, error=failed)))
                continue
            if step.key not in self._places:
                steps.append(step)
            self._places.setdefault(step.key, []).append(place)
            self._steps[step.key] = step
        return Reply(responses, steps)

    def _step(self, place: Placed, name: str) -> Step:
        """Make the step of a document. Errors: FORMAT_UNSUPPORTED, NESTING_LIMIT."""
        if place.depth > self._desk.settings.member_depth:
            raise CollatioError(Reason.NESTING_LIMIT)
        media_type = TEXT if place.blob.media_type in EMPTY else place.blob.media_type
        engine = fingerprint(self._desk.registry.resolve(media_type, tuple(self._spec.extractors)))
        hint = name.rpartition(".")[2].lower() if media_type.startswith("text/") else ""
        inputs = {
            "sha256": place.blob.sha256,
            "media_type": media_type,
            "name": hint,
            "options": self._options,
        }
        limits = {
            "wall": self._desk.settings.document_timeout_s,
            "memory": self._desk.settings.document_memory,
            "output": self._desk.settings.document_output,
        }
        key = step_key(
            tenant=self._tenant, stage="extract", engine=engine, parts={**inputs, "limits": limits}
        )
        document = f"{place.item_id}!/{place.member_path}" if place.member_path else place.item_id
        spec = {**inputs, "name": name, "document": document}
        return Step(
            key=key,
            spec=json.dumps(spec),
            cost_ms=predict_ms(media_type, place.blob.size_bytes),
            engine=engine,
            traceparent=traceparent_of(self._parent),
            reopen_before_ms=self._again_asked.reopen_before_ms,
            redo_before_ms=self._again_asked.redo_before_ms,
        )

    async def _is_lost(self, state: StepState) -> bool:
        """Tell whether a known extraction's blob is gone: then it is made again."""
        if not state.known or state.state is not State.DONE:
            return False
        blob = BlobId(self._tenant, state.digest)
        return await asyncio.to_thread(self._desk.blobs.stat, blob) is None

    def _again(self, key: str, lost: str) -> Step:
        step = self._steps[key]
        return Step(step.key, step.spec, step.cost_ms, step.engine, step.traceparent, lost=lost)

    async def _children(self, state: StepState, place: Placed) -> Reply[extract_pb2.ExtractResponse]:
        """Make the steps of a document's members. A known step's are submitted again: they are known too."""
        if state.state is not State.DONE or not state.children:
            return Reply()
        self._containers[state.key] = state.digest
        placed, names = [], []
        for child in children_of(state.children):
            path = f"{place.member_path}!/{child['path']}" if place.member_path else child["path"]
            blob = common_pb2.BlobRef(
                sha256=child["sha256"], size_bytes=child["size"], media_type=child["media_type"]
            )
            placed.append(Placed(place.item_id, path, place.depth + 1, blob, state.key))
            names.append(child["path"].rpartition("/")[2])
            if self._desk.registry.may_know_better(blob.media_type):
                await asyncio.to_thread(self._know, blob, names[-1])
        return self._submit(placed, names)

    async def _answer(self, state: StepState, place: Placed) -> list[extract_pb2.ExtractResponse]:
        """Make the outcome of one place, its extraction inline in parts unless references are enough."""
        reused = state.known and state.job != self.job
        if reused:
            step_reused(self._desk.tracing, self._parent, state.traceparent, document_id=place.item_id)
        if state.state is not State.DONE:
            return [_response(_outcome(place, state=state, error=failed_state_error(state, "extract")))]
        summary = json.loads(state.summary)
        outcome = _outcome(place, state=state, summary=summary, reused=reused)
        if self._references_only:
            return [_response(outcome)]
        data = await asyncio.to_thread(self._desk.blobs.get, BlobId(self._tenant, state.digest))
        pieces = list(split(extract_pb2.Extraction.FromString(data)))
        made = []
        for index, piece in enumerate(pieces):
            part = extract_pb2.ExtractOutcome()
            part.CopyFrom(outcome)
            part.content.CopyFrom(piece)
            part.more = index + 1 < len(pieces)
            made.append(_response(part))
        return made


def _is_input_lost(state: StepState) -> bool:
    return state.state is State.FAILED and state.reason == Reason.INPUT_LOST


def _outcome(
    place: Placed,
    *,
    state: StepState | None = None,
    summary: dict[str, Any] | None = None,
    error: common_pb2.DocumentError | None = None,
    reused: bool = False,
) -> extract_pb2.ExtractOutcome:
    outcome = extract_pb2.ExtractOutcome(
        item_id=place.item_id,
        member_path=place.member_path,
        document=place.blob,
        error=error,
        reused=reused,
        timing=timing(state) if state else None,
    )
    if state is not None and summary is not None:
        outcome.extraction.sha256 = state.digest
        outcome.extraction.size_bytes = summary["size"]
        outcome.extraction.media_type = "application/x-protobuf; messageType=collatio.v1.Extraction"
        outcome.traceparent = summary.get("trace", "")
        outcome.member_count = len(children_of(state.children))
        outcome.summary.CopyFrom(
            extract_pb2.ExtractionSummary(
                page_count=summary["pages"],
                character_count=summary["characters"],
                block_count=summary["blocks"],
                table_count=summary["tables"],
                language=summary["language"],
                warnings=summary["warnings"],
            )
        )
    return outcome


def _response(outcome: extract_pb2.ExtractOutcome) -> extract_pb2.ExtractResponse:
    return extract_pb2.ExtractResponse(outcomes=[outcome])


def _packed(responses: Sequence[extract_pb2.ExtractResponse]) -> list[extract_pb2.ExtractResponse]:
    """Put small outcomes together: a message costs more than an outcome."""
    packed: list[extract_pb2.ExtractResponse] = []
    room = 0
    for response in responses:
        size = response.ByteSize()
        if packed and size <= room:
            packed[-1].outcomes.extend(response.outcomes)
            room -= size
        else:
            packed.append(response)
            room = PART_BYTES - size
    return packed


class ExtractServicer(StageDesk, extract_pb2_grpc.ExtractServiceServicer):
    """The service's methods."""

    def __init__(self, ledger: AsyncLedger, desk: Desk) -> None:
        super().__init__("extract", ledger)
        self._desk = desk

    async def Extract(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[extract_pb2.ExtractRequest], context: Any
    ) -> AsyncIterator[extract_pb2.ExtractResponse]:
        """Extract a stream of documents."""
        tenant = tenant_of(context)
        begin = partial(ExtractConversation, self._desk, tenant)
        talk = converse(self._desk.dispatcher, tenant, request_iterator, begin, context.time_remaining)
        async with aclosing(talk) as responses:
            async for response in responses:
                yield response
