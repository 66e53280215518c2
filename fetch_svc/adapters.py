"""The stage's I/O beside its sources: what was fetched before, and documents that are in the blob store already."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.ledger.ledger import STORE_ERRORS, store_error
from collatio.runtime.sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    import redis

    from collatio.runtime.blobs.store import BlobStore

MEMO_TTL_S = 14 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document's bytes in the blob store."""

    sha256: str
    size: int
    media_type: str

    def as_dict(self) -> dict[str, Any]:
        """Write it for a step's summary."""
        return asdict(self)


class Memo:
    """Which bytes a URI had under which validator: a later job need not read them again.

    Never because the URI is the same: a validator is the source's own word that the bytes are unchanged.
    """

    def __init__(self, client: redis.Redis, blobs: BlobStore) -> None:
        self._client: Any = client  # its answers are typed for two protocols at once
        self._blobs = blobs

    def get(self, tenant: str, uri: str, validator: str) -> Fetched | None:
        """Return what was fetched under this validator, if the bytes are still held."""
        try:
            raw = self._client.get(_key(tenant, uri))
        except STORE_ERRORS as error:
            raise store_error(error) from error
        if raw is None:
            return None
        known = json.loads(raw)
        if known.pop("validator") != validator:
            return None
        found = Fetched(**known)
        blob = BlobId(tenant, found.sha256)
        return found if self._blobs.stat(blob) == found.size and self._blobs.renew(blob) else None

    def put(self, tenant: str, uri: str, validator: str, found: Fetched) -> None:
        """Remember what was fetched."""
        value = json.dumps({**found.as_dict(), "validator": validator}, separators=(",", ":"))
        try:
            self._client.set(_key(tenant, uri), value, ex=MEMO_TTL_S)
        except STORE_ERRORS as error:
            raise store_error(error) from error


def _key(tenant: str, uri: str) -> str:
    digest = hashlib.sha256(f"{tenant}\n{uri}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{{collatio:fetch}}:memo:{digest}"


def look_at_blob(blobs: BlobStore, tenant: str, sha256: str, name: str) -> Fetched:
    """Find out size and media type of a blob that is held, and renew it. Errors: BLOB_NOT_FOUND."""
    blob = BlobId(tenant, sha256)
    blobs.renew(blob)
    with blobs.open(blob) as file:
        size = file.seek(0, 2)

        def read_at(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        head = read_at(0, HEAD_BYTES)
        return Fetched(sha256, size, sniff(head, size=size, name=name, read_at=read_at))
