"""Blobs in an object store or in memory, through obstore (S3, Azure, GCS; credentials from their own chains)."""

from __future__ import annotations

import hashlib
import tempfile
import time
import uuid
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from collatio.runtime.blobs.digest import BlobId, digest_of, is_digest, is_tenant
from collatio.runtime.blobs.store import CHUNK_BYTES, HeldBlob, store_error
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

SPOOL_BYTES = 8 << 20
RENEW_S = 24 * 3600.0
PATH_PARTS = 4


def _missing(blob: BlobId) -> CollatioError:
    return CollatioError(Reason.BLOB_NOT_FOUND, f"The blob store holds no {blob.sha256}.")


class RemoteWriter:
    """A blob being gathered in a spool: its name is known only at its end."""

    def __init__(self, store: RemoteBlobs, tenant: str) -> None:
        self._store, self._tenant = store, tenant
        self._hash = hashlib.sha256()
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed in __exit__

    def write(self, data: bytes) -> None:
        """Append bytes. Errors: BLOB_STORE_FULL where the spool's disk is."""
        self._hash.update(data)
        try:
            self._spool.write(data)
        except OSError as error:
            raise store_error(error) from error

    def commit(self) -> str:
        """Send the bytes and return their digest. An object store shows an object whole or not at all."""
        blob = BlobId(self._tenant, self._hash.hexdigest())
        self._spool.seek(0)
        self._store.send(blob, cast("BinaryIO", self._spool))
        return blob.sha256

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Let go of the spool."""
        self._spool.close()


class RemoteBlobs:
    """A blob store behind obstore. An object store's own durability is relied on."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def send(self, blob: BlobId, data: BinaryIO | bytes) -> None:
        """Put bytes under their name."""
        try:
            obstore.put(self._store, blob.path, data)
        except (BaseError, OSError) as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error

    def writer(self, tenant: str, *, durable: bool) -> RemoteWriter:  # noqa: ARG002 - it always is
        """Begin a blob."""
        if not is_tenant(tenant):
            raise ValueError("not a tenant")
        return RemoteWriter(self, tenant)

    def put(self, tenant: str, data: bytes, *, durable: bool = False) -> str:  # noqa: ARG002 - it always is
        """Store bytes whole and return their digest."""
        blob = BlobId(tenant, digest_of(data))
        self.send(blob, data)
        return blob.sha256

    def renew(self, blob: BlobId) -> bool:
        """Let a blob count as used now: an object's time is that of its last write, so an older one is written again."""
        try:
            found = obstore.head(self._store, blob.path)
            if time.time() - found["last_modified"].timestamp() > RENEW_S:
                obstore.put(self._store, blob.path, obstore.get(self._store, blob.path).bytes())
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error
        return True

    def stat(self, blob: BlobId) -> int | None:
        """Return its size in bytes, or None if it is not held."""
        try:
            return int(obstore.head(self._store, blob.path)["size"])
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error

    def get(self, blob: BlobId) -> bytes:
        """Return its bytes, verified: a damaged blob is removed and counts as gone."""
        try:
            data = bytes(obstore.get(self._store, blob.path).bytes())
        except FileNotFoundError as error:
            raise _missing(blob) from error
        except BaseError as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error
        if digest_of(data) != blob.sha256:
            self._remove(blob)
            raise _missing(blob)
        return data

    def _remove(self, blob: BlobId) -> None:
        try:
            obstore.delete(self._store, blob.path)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error

    def open(self, blob: BlobId, *, verify: bool = False) -> BinaryIO:  # noqa: ARG002 - a download always is
        """Download it into an unnamed file and open that: a sandbox needs a descriptor."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        file.write(self.get(blob))
        file.seek(0)
        return cast("BinaryIO", file)

    def chunks(self, blob: BlobId, offset: int, limit: int | None) -> Iterator[bytes]:
        """Read a range in chunks of at most 1 MiB."""
        size = self.stat(blob)
        if size is None:
            raise _missing(blob)
        end = size if limit is None else min(size, offset + limit)
        while offset < end:
            stop = min(end, offset + CHUNK_BYTES)
            try:
                yield bytes(obstore.get_range(self._store, blob.path, start=offset, end=stop))
            except BaseError as error:
                raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error
            offset = stop

    def sync(self) -> None:
        """Do nothing: every put was durable when it returned."""

    def held(self) -> Iterator[HeldBlob]:
        """List every blob, a page at a time."""
        try:
            for page in obstore.list(self._store):
                yield from filter(None, map(_held, page))
        except BaseError as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error

    def discard(self, blob: BlobId, unused_since_s: float) -> bool:
        """Remove a blob unless it was used since: a use between the look and the removal loses it, and is mended."""
        try:
            if obstore.head(self._store, blob.path)["last_modified"].timestamp() > unused_since_s:
                return False
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error
        self._remove(blob)
        return True

    def tidy(self, unused_since_s: float) -> int:  # noqa: ARG002 - an object is there whole or not at all
        """Do nothing: there is nothing half written."""
        return 0

    def identity(self) -> str:
        """Return the store's id, made at its first use."""
        try:
            obstore.put(self._store, "store-id", uuid.uuid4().hex.encode(), mode="create")
        except AlreadyExistsError:
            pass  # made before: that one counts
        except (BaseError, OSError) as error:
            raise CollatioError(Reason.BLOB_STORE_UNAVAILABLE) from error
        return bytes(obstore.get(self._store, "store-id").bytes()).decode("ascii")


def _held(found: Any) -> HeldBlob | None:
    """Read an entry of a listing; None for what is no blob."""
    parts = str(found["path"]).split("/")
    if len(parts) != PATH_PARTS or not (is_tenant(parts[0]) and is_digest(parts[-1])):
        return None
    return HeldBlob(BlobId(parts[0], parts[-1]), int(found["size"]), found["last_modified"].timestamp())
