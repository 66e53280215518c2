"""What a blob store does, for whoever holds one."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.runtime.blobs.digest import BlobId

CHUNK_BYTES = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def store_error(error: OSError) -> CollatioError:
    """Make the typed error of a failing disk."""
    if error.errno in _FULL:
        return CollatioError(Reason.BLOB_STORE_FULL)
    return CollatioError(Reason.BLOB_STORE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class HeldBlob:
    """A blob in the store. `used_s`: when it was written or last renewed, seconds since the epoch."""

    blob: BlobId
    size_bytes: int
    used_s: float


class BlobWriter(Protocol):
    """Bytes on their way into the store. Nothing is visible before `commit`; leaving without it discards."""

    def write(self, data: bytes) -> None:
        """Append bytes. Errors: BLOB_STORE_FULL, BLOB_STORE_UNAVAILABLE."""

    def commit(self) -> str:
        """Make the blob visible and return its digest. Committing bytes that are held already is harmless."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *exc: object) -> None:
        """Discard what was not committed."""


class BlobStore(Protocol):
    """Bytes by digest. Every method may raise BLOB_STORE_UNAVAILABLE; calls block, so a loop uses threads."""

    def writer(self, tenant: str, *, durable: bool) -> BlobWriter:
        """Begin a blob. `durable`: synced before it is acknowledged (uploads and fetched bytes)."""

    def put(self, tenant: str, data: bytes, *, durable: bool = False) -> str:
        """Store bytes whole and return their digest. Bytes that are held already are renewed."""

    def renew(self, blob: BlobId) -> bool:
        """Let a blob count as used now, so that no collection takes it; False if it is not held."""

    def stat(self, blob: BlobId) -> int | None:
        """Return its size in bytes, or None if it is not held."""

    def get(self, blob: BlobId) -> bytes:
        """Return its bytes, verified. Errors: BLOB_NOT_FOUND (a damaged blob counts as gone)."""

    def open(self, blob: BlobId, *, verify: bool = False) -> BinaryIO:
        """Open it for reading, as a real file with a descriptor; verified if asked, as `get` does.

        Errors: BLOB_NOT_FOUND.
        """

    def chunks(self, blob: BlobId, offset: int, limit: int | None) -> Iterator[bytes]:
        """Read a range in chunks of at most 1 MiB. Errors: BLOB_NOT_FOUND."""

    def sync(self) -> None:
        """Make durable all that was committed with `durable` since the last call: one sync a message."""

    def held(self) -> Iterator[HeldBlob]:
        """List every blob of every tenant, in no order; one that goes meanwhile may be listed or not."""

    def discard(self, blob: BlobId, unused_since_s: float) -> bool:
        """Remove a blob unless it was used since; tells whether it did. A use at the same time keeps it."""

    def tidy(self, unused_since_s: float) -> int:
        """Remove what crashes left half written before a time; returns how many."""

    def identity(self) -> str:
        """Return the store's id, made at its first use: what the ledger's id is checked against."""
