"""FetchService: validate, submit to the ledger, await, reply. It reaches no source itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from collatio.runtime.blobs.digest import BlobId, is_digest
from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.identity import document_id
from collatio.runtime.ledger.keys import step_key
from collatio.runtime.ledger.records import State, Step, StepState
from collatio.runtime.queue.converse import Reply, converse
from collatio.runtime.rpc.stage import StageDesk, job_id_of, tenant_of, timing
from collatio.runtime.telemetry.job_spans import anchor, document
from collatio.runtime.telemetry.traceparent import traceparent_of
from collatio.runtime.telemetry.tracing import attached
from collatio.v1 import common_pb2, fetch_pb2, fetch_pb2_grpc
from fetch_svc.adapters import look_at_blob
from fetch_svc.convert import failure, fetched, plugin_options
from fetch_svc.engine.globs import compile_globs
from fetch_svc.engine.uri import parse
from fetch_svc.sources.blob import digest_of, uri_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.ledger.ledger import AsyncLedger
    from collatio.runtime.queue.dispatcher import Dispatcher
    from collatio.runtime.telemetry.tracing import Tracing

SERVICE = "collatio.v1.FetchService"
ITEMS_MAX = 1_000
ITEM_ID_MAX = 128
INLINE_MAX = 1 << 20
URI_LIST_MAX = 64 << 20
LIST_MS = 5
GET_MS, BYTES_A_MS = 1, 200_000
UNKNOWN_BYTES = 1_000_000
Outcome = fetch_pb2.FetchOutcome


@dataclass(frozen=True, slots=True)
class Desk:
    """What every stream of this server works with. `schemes` are those installed and allowed."""

    dispatcher: Dispatcher
    blobs: BlobStore
    tracing: Tracing
    schemes: frozenset[str]


@dataclass(slots=True)
class _Item:
    """A source being fetched: how many of its steps are open, and what came of it so far."""

    item_id: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    options: dict[str, Any]
    open: int = 0
    documents: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a step of an item is for."""

    item: _Item
    uri: str
    relative_path: str = ""


@dataclass(slots=True)
class _Made:
    """Outcomes and steps as they are gathered."""

    outcomes: list[Outcome] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def reply(self) -> Reply[fetch_pb2.FetchResponse]:
        """Make the reply; outcomes share messages."""
        responses = [
            fetch_pb2.FetchResponse(outcomes=self.outcomes[at : at + 500])
            for at in range(0, len(self.outcomes), 500)
        ]
        return Reply(responses, self.steps)


class FetchConversation:
    """One stream of sources. Its steps belong to the job: equal URIs of another job are fetched again."""

    def __init__(self, desk: Desk, tenant: str, first: fetch_pb2.FetchRequest) -> None:
        self.job = job_id_of(first.job)
        self._desk, self._tenant = desk, tenant
        self._asked: dict[str, _Asked] = {}
        self._seen: set[str] = set()
        self._parent = anchor()

    async def take(self, request: fetch_pb2.FetchRequest) -> Reply[fetch_pb2.FetchResponse]:
        """Make the steps of a batch of sources. Errors: INVALID_REQUEST."""
        if len(request.items) > ITEMS_MAX:
            raise invalid("items", f"at most {ITEMS_MAX} a message")
        made = _Made()
        for index, asked in enumerate(request.items):
            item = self._item(f"items[{index}]", asked)
            await self._begin(f"items[{index}].source", item, asked.source, made)
            self._end_if_done(item, made)
        return made.reply()

    async def half_close(self) -> Reply[fetch_pb2.FetchResponse]:
        """Nothing needs the whole of what was asked."""
        return Reply()

    async def conclude(self) -> Reply[fetch_pb2.FetchResponse]:
        """Nothing is left to say."""
        return Reply()

    async def settle(self, states: Sequence[StepState]) -> Reply[fetch_pb2.FetchResponse]:
        """Turn outcomes into documents and failures; what a listing found becomes further steps."""
        made = _Made()
        for state in states:
            asked = self._asked.pop(state.key)
            if await self._is_lost(state):
                made.steps.append(self._again(state, asked))
                continue
            asked.item.open -= 1
            self._settle(state, asked, made)
            self._end_if_done(asked.item, made)
        return made.reply()

    def _item(self, path: str, asked: fetch_pb2.FetchItem) -> _Item:
        if not asked.item_id or len(asked.item_id) > ITEM_ID_MAX:
            raise invalid(f"{path}.item_id", f"must have 1 to {ITEM_ID_MAX} characters")
        if asked.item_id in self._seen:
            raise invalid(f"{path}.item_id", "must be unique within the stream")
        self._seen.add(asked.item_id)
        source = asked.source
        try:
            compile_globs(source.include, source.exclude)
        except CollatioError as error:
            (fault,) = error.violations
            raise invalid(f"{path}.source.{fault.field}", fault.description) from None
        try:
            options = plugin_options(source)
        except ValueError:
            raise invalid(f"{path}.source.plugin_options", "holds a number that JSON has not") from None
        return _Item(asked.item_id, tuple(source.include), tuple(source.exclude), options)

    async def _begin(self, path: str, item: _Item, source: common_pb2.Source, made: _Made) -> None:
        """Begin a source: what is in the blob store already is answered at once."""
        match source.WhichOneof("origin"):
            case "uri":
                await self._begin_uri(item, source.uri, source.key, made)
            case "blob":
                if not is_digest(source.blob.sha256):
                    raise invalid(f"{path}.blob.sha256", "must be 64 lower-case hexadecimal digits")
                await self._at_hand(item, uri_of(source.blob.sha256), source.blob.sha256, source.key, made)
            case "inline":
                if len(source.inline.data) > INLINE_MAX:
                    raise invalid(f"{path}.inline.data", "at most 1 MiB; upload larger documents")
                put = partial(self._desk.blobs.put, self._tenant, source.inline.data, durable=True)
                digest = await asyncio.to_thread(put)
                name = source.inline.name
                await self._at_hand(item, f"inline:{name}" if name else uri_of(digest), digest, name, made)
            case "uri_list":
                for uri in await self._uri_list(f"{path}.uri_list", source.uri_list.sha256):
                    await self._begin_uri(item, uri, "", made)
            case _:
                raise invalid(path, "one of uri, blob, inline and uri_list must be set")

    async def _begin_uri(self, item: _Item, text: str, key: str, made: _Made) -> None:
        try:
            uri = parse(text)
            if uri.scheme == "blob":
                await self._at_hand(item, text, digest_of(text), key, made)
                return
            if uri.scheme not in self._desk.schemes:
                served = ", ".join(sorted(self._desk.schemes))
                raise CollatioError(  # noqa: TRY301 - told below, like every URI that cannot be fetched
                    Reason.URI_SCHEME_UNSUPPORTED,
                    f"No source serves {uri.scheme}: here; served are {served}.",
                )
        except CollatioError as error:
            self._fail(item, text, "", error, made)
            return
        self._step(item, {"kind": "list", "uri": str(uri), "page_token": ""}, made, LIST_MS)

    async def _at_hand(self, item: _Item, uri: str, digest: str, name: str, made: _Made) -> None:
        """Answer a document whose bytes are in the blob store."""
        name = name.rpartition("/")[2]
        with attached(self._parent):
            try:
                with document(self._desk.tracing, document_id(item.item_id, uri)):
                    look = partial(look_at_blob, self._desk.blobs, self._tenant, digest, name)
                    found = await asyncio.to_thread(look)
            except CollatioError as error:
                self._fail(item, uri, "", error, made)
                return
        item.documents += 1
        made.outcomes.append(Outcome(item_id=item.item_id, document=fetched(uri, "", found.as_dict(), None)))

    async def _uri_list(self, path: str, sha256: str) -> list[str]:
        if not is_digest(sha256):
            raise invalid(f"{path}.sha256", "must be 64 lower-case hexadecimal digits")
        blob = BlobId(self._tenant, sha256)
        size = await asyncio.to_thread(self._desk.blobs.stat, blob)
        if size is not None and size > URI_LIST_MAX:
            raise invalid(path, "a list of URIs has at most 64 MiB")
        data = await asyncio.to_thread(self._desk.blobs.get, blob)
        lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
        return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))

    def _step(
        self, item: _Item, what: Mapping[str, Any], made: _Made, cost_ms: int, relative_path: str = ""
    ) -> None:
        common = {"item": item.item_id, "options": item.options}
        globs = {"include": item.include, "exclude": item.exclude} if what["kind"] == "list" else {}
        spec = {**what, **common, **globs}
        key = step_key(tenant=self._tenant, stage="fetch", engine="", parts={"job": self.job, **spec})
        if key in self._asked:
            return
        item.open += 1
        self._asked[key] = _Asked(item, what["uri"], relative_path)
        made.steps.append(
            Step(
                key=key,
                spec=json.dumps(spec),
                cost_ms=cost_ms,
                engine=parse(what["uri"]).scheme,
                traceparent=traceparent_of(self._parent),
            )
        )

    def _settle(self, state: StepState, asked: _Asked, made: _Made) -> None:
        if state.state is not State.DONE:
            error = CollatioError(Reason(state.reason), state.message)
            self._fail(asked.item, asked.uri, asked.relative_path, error, made, when=timing(state))
        elif state.digest:
            found = json.loads(state.summary)
            asked.item.documents += 1
            one = fetched(found["uri"], asked.relative_path, found, timing(state))
            made.outcomes.append(Outcome(item_id=asked.item.item_id, document=one))
        else:
            for child in _children(state):
                self._follow(asked, child, made)

    def _follow(self, asked: _Asked, child: dict[str, Any], made: _Made) -> None:
        """Follow what a listing found: a document to get, a further page, or a part that could not be listed."""
        item = asked.item
        if child["kind"] == "failure":
            error = CollatioError(Reason(child["reason"]), child["message"])
            self._fail(item, child["uri"], child["path"], error, made)
        elif child["kind"] == "list":
            self._step(item, {**child, "uri": asked.uri}, made, LIST_MS)
        else:
            size = UNKNOWN_BYTES if child["size"] is None else child["size"]
            get = {"kind": "get", "uri": child["uri"], "validator": child["validator"]}
            self._step(item, get, made, GET_MS + size // BYTES_A_MS, child["path"])

    def _fail(
        self,
        item: _Item,
        uri: str,
        relative_path: str,
        error: CollatioError,
        made: _Made,
        *,
        when: common_pb2.StepTiming | None = None,
    ) -> None:
        item.failures += 1
        failed = failure(uri, relative_path, error, when)
        made.outcomes.append(Outcome(item_id=item.item_id, failure=failed))
        if when is None:
            with attached(self._parent):
                self._trace_failure(item, uri, error)

    def _trace_failure(self, item: _Item, uri: str, error: CollatioError) -> None:
        """Leave a span for a document that failed before it had a step."""
        try:
            with document(self._desk.tracing, document_id(item.item_id, uri)):
                raise error
        except CollatioError:
            return

    def _end_if_done(self, item: _Item, made: _Made) -> None:
        if item.open == 0:
            done = fetch_pb2.FetchItemDone(document_count=item.documents, failure_count=item.failures)
            made.outcomes.append(Outcome(item_id=item.item_id, done=done))

    async def _is_lost(self, state: StepState) -> bool:
        """Tell whether known bytes are gone from the blob store: then they are fetched again."""
        if not state.known or state.state is not State.DONE or not state.digest:
            return False
        blob = BlobId(self._tenant, state.digest)
        return await asyncio.to_thread(self._desk.blobs.stat, blob) is None

    def _again(self, state: StepState, asked: _Asked) -> Step:
        self._asked[state.key] = asked
        spec: dict[str, Any] = {
            "kind": "list",
            "uri": asked.uri,
            "page_token": "",
            "item": asked.item.item_id,
        }
        spec |= {"options": asked.item.options, "include": asked.item.include, "exclude": asked.item.exclude}
        return Step(
            key=state.key,
            spec=json.dumps(spec),
            cost_ms=LIST_MS,
            engine=parse(asked.uri).scheme,
            traceparent=traceparent_of(self._parent),
            lost=state.digest,
        )


def _children(state: StepState) -> Iterator[dict[str, Any]]:
    yield from json.loads(state.children) if state.children else ()


class FetchServicer(StageDesk, fetch_pb2_grpc.FetchServiceServicer):
    """The service's methods."""

    def __init__(self, ledger: AsyncLedger, desk: Desk) -> None:
        super().__init__("fetch", ledger)
        self._desk = desk

    async def Fetch(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[fetch_pb2.FetchRequest], context: Any
    ) -> AsyncIterator[fetch_pb2.FetchResponse]:
        """Fetch a stream of sources."""
        tenant = tenant_of(context)
        begin = partial(FetchConversation, self._desk, tenant)
        talk = converse(self._desk.dispatcher, tenant, request_iterator, begin, context.time_remaining)
        async with aclosing(talk) as responses:
            async for response in responses:
                yield response
