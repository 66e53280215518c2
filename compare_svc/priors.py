"""What earlier jobs compared, pair by pair: one changed document among many costs its own pairs only.

A tile is a step, known by all its pairs: one changed document makes new steps of every tile that held it or holds it
now. Most of their pairs are not new. A tile's result says which pairs it holds, and stands in the blob store for ever
as it is; under the tile's place in the division of pairs (`tiles.Tile.node`) the latest few results are pointed at.
A later tile at that place, or, where nothing is known there, those just above and below, are looked through first.

A pointer is pushed onto a short list in one transaction, so that two jobs at once both leave theirs, and jobs that
take turns find their own. What is pointed at may be gone: it is a saving, nothing rests on it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger.ledger import STORE_ERRORS, store_error
from collatio.v1 import compare_pb2
from compare_svc.engine.tiles import relatives

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

    from collatio.runtime.blobs.store import BlobStore

TTL_S = 14 * 24 * 3600
KEPT = 3
PAIR_BYTES = 16


def pair_digest(left: str, right: str) -> bytes:
    """Digest a pair by the digests of its extractions, left first."""
    return hashlib.sha256(f"{left}\n{right}".encode()).digest()[:PAIR_BYTES]


class Priors:
    """Finds earlier tiles' comparisons. `how` names comparator and options: others' results are never found."""

    def __init__(self, client: redis.Redis, blobs: BlobStore) -> None:
        self._client: Any = client  # its answers are typed for two protocols at once
        self._blobs = blobs

    def find(
        self, tenant: str, how: str, node: str, wanted: Sequence[bytes]
    ) -> dict[bytes, compare_pb2.Comparison]:
        """Find what is known of some pairs. Errors: STATE_STORE_UNAVAILABLE."""
        missing = set(wanted)
        known: dict[bytes, compare_pb2.Comparison] = {}
        for digest in self._pointed_at(tenant, how, node):
            if not missing:
                break
            for pair, comparison in self._pairs(tenant, digest):
                if pair in missing:
                    known[pair] = comparison
                    missing.discard(pair)
        return known

    def keep(self, tenant: str, how: str, node: str, digest: str) -> None:
        """Point at a tile's result. Errors: STATE_STORE_UNAVAILABLE."""
        key = _key(tenant, how, node)
        try:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.lrem(key, 0, digest)
                pipe.lpush(key, digest)
                pipe.ltrim(key, 0, KEPT - 1)
                pipe.expire(key, TTL_S)
                pipe.execute()
        except STORE_ERRORS as error:
            raise store_error(error) from error

    def _pointed_at(self, tenant: str, how: str, node: str) -> list[str]:
        """List results, latest first: those of the node, else those of its relatives."""
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for name in (node, *relatives(node)):
                    pipe.lrange(_key(tenant, how, name), 0, KEPT - 1)
                own, *others = pipe.execute()
        except STORE_ERRORS as error:
            raise store_error(error) from error
        found = own or [digest for listed in others for digest in listed]
        return [digest.decode() if isinstance(digest, bytes) else str(digest) for digest in found]

    def _pairs(self, tenant: str, digest: str) -> Iterator[tuple[bytes, compare_pb2.Comparison]]:
        try:
            held = compare_pb2.TileComparisons.FromString(self._blobs.get(BlobId(tenant, digest)))
        except DecodeError:
            return
        except CollatioError as error:
            if error.reason is not Reason.BLOB_NOT_FOUND:
                raise
            return
        for at, comparison in enumerate(held.comparisons):
            yield held.pairs[at * PAIR_BYTES : (at + 1) * PAIR_BYTES], comparison


def _key(tenant: str, how: str, node: str) -> str:
    digest = hashlib.sha256(f"{tenant}\n{how}\n{node}".encode()).hexdigest()[:32]
    return f"{{collatio:compare}}:prior:{digest}"
