"""The stage's work: list a source's page, bring a document's bytes into the blob store.

A message's downloads run at the same time, on an event loop that lives as long as its pool child. One that nobody
wants any more is broken off.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError
from collatio.runtime.failpoints import reach
from collatio.runtime.identity import document_id
from collatio.runtime.queue.outcome import Done, Failed, GivenBack
from collatio.runtime.telemetry.job_spans import document
from fetch_svc.adapters import Fetched
from fetch_svc.engine.globs import compile_globs
from fetch_svc.engine.select import select
from fetch_svc.sources.download import download

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from collatio.plugins.sources import Listing
    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.queue.outcome import Hand, Outcome, Work
    from collatio.runtime.telemetry.tracing import Tracing
    from fetch_svc.adapters import Memo
    from fetch_svc.sources.registry import Sources

LOOK_S = 0.25


class FetchHandler:
    """Lists and downloads. `open_sources` is called once, on the handler's own loop."""

    def __init__(
        self,
        blobs: BlobStore,
        memo: Memo,
        open_sources: Callable[[], Sources],
        tracing: Tracing,
        concurrency: int,
    ) -> None:
        self._blobs, self._memo, self._tracing = blobs, memo, tracing
        self._open_sources = open_sources
        self._sources: Sources | None = None
        self._concurrency = concurrency
        self._loop = asyncio.new_event_loop()

    def handle(self, batch: Sequence[Work], hand: Hand) -> Iterator[tuple[Work, Outcome]]:
        """Run a message's steps side by side, yielding each as it ends."""
        outcomes = self._outcomes(batch, hand)
        while True:
            try:
                yield self._loop.run_until_complete(anext(outcomes))
            except StopAsyncIteration:
                return

    def before_commit(self) -> None:
        """Make the fetched bytes durable, in one sync."""
        self._blobs.sync()

    def facts(self) -> dict[str, Any]:
        """Tell nothing: nothing here is confined."""
        return {}

    def close(self) -> None:
        """Let go of the sources' connections."""
        if self._sources is not None:
            self._loop.run_until_complete(self._sources.aclose())
        self._loop.close()

    async def _outcomes(self, batch: Sequence[Work], hand: Hand) -> AsyncIterator[tuple[Work, Outcome]]:
        if self._sources is None:
            self._sources = self._open_sources()
        waiting = list(batch)
        running: dict[asyncio.Task[Outcome], Work] = {}
        while waiting or running:
            while waiting and len(running) < self._concurrency:
                work = waiting.pop(0)
                if hand.begin(work):
                    running[asyncio.create_task(self._run(self._sources, work))] = work
                else:
                    yield work, GivenBack()
            if not running:
                continue
            done, rest = await asyncio.wait(running, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                if hand.unwanted(running[task]):
                    task.cancel()
            for task in done:
                yield running.pop(task), task.result()

    async def _run(self, sources: Sources, work: Work) -> Outcome:
        try:
            if work.spec["kind"] == "list":
                return await self._list(sources, work)
            return await self._get(sources, work, work.spec)
        except CollatioError as error:
            return Failed(error)
        except asyncio.CancelledError:  # by the loop above, which alone cancels
            return GivenBack()

    async def _list(self, sources: Sources, work: Work) -> Outcome:
        """List a page. A source that is one document is fetched at once: it needs no step of its own."""
        spec = work.spec
        listing = await self._listing(sources, work)
        only = listing.entries[0] if len(listing.entries) == 1 else None
        if only is not None and not only.relative_path and listing.next_page_token is None:
            return await self._get(sources, work, {**spec, "uri": only.uri, "validator": only.validator})
        chosen = select(listing, compile_globs(spec["include"], spec["exclude"]))
        children: list[dict[str, Any]] = [
            {
                "kind": "get",
                "uri": entry.uri,
                "path": entry.relative_path,
                "size": entry.size_bytes,
                "validator": entry.validator,
            }
            for entry in chosen.entries
        ]
        children += [
            {
                "kind": "failure",
                "uri": failed.uri,
                "path": failed.relative_path,
                "reason": str(failed.error.reason),
                "message": failed.error.message,
            }
            for failed in chosen.failures
        ]
        if chosen.next_page_token is not None:
            children.append({"kind": "list", "page_token": chosen.next_page_token})
        return Done("", {}, children)

    async def _listing(self, sources: Sources, work: Work) -> Listing:
        """List, under a `document` span where that fails: a source that cannot be listed is a failed document."""
        spec = work.spec
        try:
            return await sources.list(spec["uri"], spec["page_token"] or None, options=spec["options"])
        except CollatioError:
            with document(self._tracing, document_id(spec["item"], spec["uri"])):
                raise

    async def _get(self, sources: Sources, work: Work, spec: Any) -> Outcome:
        uri = spec["uri"]
        with document(self._tracing, document_id(spec["item"], uri)):
            validator = spec.get("validator")
            if validator is None and not spec["options"]:
                validator = (await sources.stat(uri)).validator
            known = self._memo.get(work.tenant, uri, validator) if validator else None
            if known is not None:
                return Done(known.sha256, {**known.as_dict(), "uri": uri, "reused": True})
            with self._tracing.span("download"), self._blobs.writer(work.tenant, durable=True) as writer:
                arrived = await download(sources, uri, writer, options=spec["options"])
                digest = writer.commit()
            found = Fetched(digest, arrived.size_bytes, arrived.media_type)
            reach("fetch.memo.before")
            if arrived.stat.validator:
                self._memo.put(work.tenant, uri, arrived.stat.validator, found)
            return Done(digest, {**found.as_dict(), "uri": uri})
