"""The collector: removes blobs that nothing names and nobody used for long.

A blob is named by its digest, wherever that stands in a value of the journal or of a stage's ledger: in a job, its
documents and tiles, in a step's inputs or outcome. It is used when it is written, and whenever something begins to rely
on bytes that are held already: the store notes the time.

Rules, so that collecting is safe beside running jobs:
- Names are read first. What is named after that was used after that, and a used blob is kept by its time.
- The least age is above the time between a blob's use and the write that names it.
- The store takes a blob aside before it removes it, and puts it back if it was used meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collatio.runtime.ending import end
from collatio.runtime.errors import CollatioError
from collatio.runtime.ledger.ledger import STORE_ERRORS, store_error
from collatio.runtime.telemetry.tracing import suppressed
from gateway.journal.journal import NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from redis.asyncio import Redis

    from collatio.runtime.blobs.store import BlobStore

logger = logging.getLogger(__name__)
MIN_AGE_S = 3600.0
LOCK = f"{NAME}:collecting"
PAGE = 500
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_NAMING = re.compile(rb"\{collatio:[a-z]+\}:(?P<kind>step|job|docs|tiles):")
_LARGE = {b"docs", b"tiles"}


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection found and did: blobs held before it, those named, those removed and their bytes."""

    held: int
    named: int
    removed: int
    removed_bytes: int


class Collector:
    """Collects when asked, and by schedule between `start` and `close`. `wall_s`: seconds since the epoch."""

    def __init__(
        self, client: Redis, blobs: BlobStore, wall_s: Callable[[], float], *, ttl_s: float, every_s: float
    ) -> None:
        self._client: Any = client  # its answers are typed for two protocols at once
        self._blobs, self._wall_s = blobs, wall_s
        self.ttl_s, self._every_s = ttl_s, every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to collect by schedule; of several gateways, one does it each time."""
        if self._every_s > 0:
            self._task = asyncio.create_task(self._by_schedule())

    async def close(self) -> None:
        """Stop."""
        await end(self._task)

    async def collect(self, min_age_s: float, *, dry_run: bool = False) -> Collected:
        """Remove what nothing names and nobody used for so long.

        Errors: STATE_STORE_UNAVAILABLE, BLOB_STORE_UNAVAILABLE.
        """
        unused_since_s = self._wall_s() - min_age_s
        names = await self._names()
        return await asyncio.to_thread(self._sweep, names, unused_since_s, dry_run=dry_run)

    def _sweep(self, names: set[bytes], unused_since_s: float, *, dry_run: bool) -> Collected:
        held = named = removed = removed_bytes = 0
        for found in self._blobs.held():
            held += 1
            if bytes.fromhex(found.blob.sha256) in names:
                named += 1
            elif found.used_s <= unused_since_s and (
                dry_run or self._blobs.discard(found.blob, unused_since_s)
            ):
                removed += 1
                removed_bytes += found.size_bytes
        if not dry_run:
            self._blobs.tidy(unused_since_s)
        return Collected(held, named, removed, removed_bytes)

    async def _names(self) -> set[bytes]:
        """Read every digest that the journal and the ledgers hold."""
        names: set[bytes] = set()
        try:
            async for value in self._values():
                names.update(bytes.fromhex(text.decode()) for text in _DIGEST.findall(value))
        except STORE_ERRORS as error:
            raise store_error(error) from error
        return names

    async def _values(self) -> AsyncIterator[bytes]:
        small: list[bytes] = []
        async for key in self._client.scan_iter(match="{collatio:*", count=PAGE, _type="hash"):
            naming = _NAMING.match(key)
            if naming is None:
                continue
            if naming["kind"] in _LARGE:
                async for _, value in self._client.hscan_iter(key, count=PAGE):
                    yield value
            else:
                small.append(key)
            if len(small) >= PAGE:
                for value in await self._read(small):
                    yield value
                small.clear()
        for value in await self._read(small):
            yield value

    async def _read(self, keys: list[bytes]) -> list[bytes]:
        async with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hvals(key)
            return [value for values in await pipe.execute() for value in values]

    async def _by_schedule(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                with suppressed():
                    await self._take_turn()
            except CollatioError as error:
                logger.warning("blobs were not collected", extra={"fields": {"reason": error.reason}})
            except Exception:
                logger.exception("collecting blobs failed; it is tried again")

    async def _take_turn(self) -> None:
        try:
            mine = await self._client.set(LOCK, b"1", nx=True, px=round(self._every_s * 900))
        except STORE_ERRORS as error:
            raise store_error(error) from error
        if mine:
            done = await self.collect(max(self.ttl_s, MIN_AGE_S))
            logger.info(
                "blobs collected",
                extra={"fields": {"held": done.held, "named": done.named, "removed": done.removed}},
            )
