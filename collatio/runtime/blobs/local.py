"""Blobs as plain files: written beside, synced, renamed to their digest."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from collatio.runtime.blobs.digest import BlobId, digest_of, is_digest, is_tenant
from collatio.runtime.blobs.store import CHUNK_BYTES, HeldBlob, store_error
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

SYNC_SINGLY_MAX = 4


def _missing(blob: BlobId) -> CollatioError:
    return CollatioError(Reason.BLOB_NOT_FOUND, f"The blob store holds no {blob.sha256}.")


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_filesystem(root: Path) -> None:
    """Write back the file system that holds the store; where the system cannot say which, all of them."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if sys.platform == "linux" else None
    if syncfs is None:
        os.sync()
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        if syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)


class LocalWriter:
    """A blob being written to a temporary file of the store."""

    def __init__(self, store: LocalBlobs, tenant: str, *, durable: bool) -> None:
        self._store, self._tenant, self._durable = store, tenant, durable
        self._hash = hashlib.sha256()
        try:
            self._fd, self._path = tempfile.mkstemp(dir=store.incoming)
        except OSError as error:
            raise store_error(error) from error
        self._open = True

    def write(self, data: bytes) -> None:
        """Append bytes. Errors: BLOB_STORE_FULL, BLOB_STORE_UNAVAILABLE."""
        self._hash.update(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise store_error(error) from error

    def commit(self) -> str:
        """Make the blob visible and return its digest."""
        blob = BlobId(self._tenant, self._hash.hexdigest())
        target = self._store.path(blob)
        try:
            self._open = False  # a failing close frees the descriptor too
            os.close(self._fd)
            target.parent.mkdir(parents=True, exist_ok=True)
            reach("blob.rename.before")
            Path(self._path).replace(target)
            reach("blob.rename.after")
            if self._durable:
                self._store.note_unsynced(target)
        except OSError as error:
            raise store_error(error) from error
        return blob.sha256

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Discard what was not committed."""
        if self._open:
            os.close(self._fd)
            self._open = False
        Path(self._path).unlink(missing_ok=True)


class LocalBlobs:
    """A blob store in a folder. Files are read in place: open() costs microseconds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self._unsynced: set[Path] = set()
        self._noting, self._syncing = threading.Lock(), threading.Lock()
        try:
            self.incoming.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store_error(error) from error

    def path(self, blob: BlobId) -> Path:
        """Return where a blob lies, or would lie."""
        return self.root / blob.path

    def writer(self, tenant: str, *, durable: bool) -> LocalWriter:
        """Begin a blob."""
        if not is_tenant(tenant):
            raise ValueError("not a tenant")
        return LocalWriter(self, tenant, durable=durable)

    def put(self, tenant: str, data: bytes, *, durable: bool = False) -> str:
        """Store bytes whole and return their digest; bytes already held are not written again."""
        blob = BlobId(tenant, digest_of(data))
        if self.stat(blob) == len(data) and self.renew(blob):
            if durable:
                self.note_unsynced(self.path(blob))
            return blob.sha256
        with self.writer(tenant, durable=durable) as writer:
            writer.write(data)
            return writer.commit()

    def renew(self, blob: BlobId) -> bool:
        """Let a blob count as used now; False if it is not held."""
        try:
            os.utime(self.path(blob))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise store_error(error) from error
        return True

    def stat(self, blob: BlobId) -> int | None:
        """Return its size in bytes, or None if it is not held."""
        try:
            return self.path(blob).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise store_error(error) from error

    def get(self, blob: BlobId) -> bytes:
        """Return its bytes, verified: a damaged blob is removed and counts as gone."""
        with self.open(blob) as file:
            try:
                data = file.read()
            except OSError as error:
                raise store_error(error) from error
        if digest_of(data) != blob.sha256:
            self.path(blob).unlink(missing_ok=True)
            raise _missing(blob)
        return data

    def open(self, blob: BlobId, *, verify: bool = False) -> BinaryIO:
        """Open it for reading. Errors: BLOB_NOT_FOUND."""
        try:
            file = self.path(blob).open("rb")
            if verify:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == blob.sha256
                file.seek(0)
                if not whole:
                    file.close()
                    self.path(blob).unlink(missing_ok=True)
                    raise _missing(blob)
        except FileNotFoundError as error:
            raise _missing(blob) from error
        except OSError as error:
            raise store_error(error) from error
        return file

    def chunks(self, blob: BlobId, offset: int, limit: int | None) -> Iterator[bytes]:
        """Read a range in chunks of at most 1 MiB."""
        with self.open(blob) as file:
            file.seek(offset)
            left = limit
            while left is None or left > 0:
                data = file.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
                if not data:
                    return
                left = None if left is None else left - len(data)
                yield data

    def note_unsynced(self, path: Path) -> None:
        """Remember a blob that is not yet durable."""
        with self._noting:
            self._unsynced.add(path)

    def sync(self) -> None:
        """Make all durable blobs since the last call durable: a few one by one, many in one go.

        Threads take turns, so that none returns while another still syncs what the first had noted.
        """
        with self._syncing:
            with self._noting:
                paths, self._unsynced = self._unsynced, set()
            reach("blob.sync.before")
            try:
                self._sync(paths)
            except OSError as error:
                with self._noting:
                    self._unsynced |= paths
                raise store_error(error) from error

    def _sync(self, paths: set[Path]) -> None:
        if len(paths) > SYNC_SINGLY_MAX:
            _sync_filesystem(self.root)
            return
        for path in paths:
            with suppress(FileNotFoundError):  # removed since, as damaged: there is nothing to keep
                _fsync(path)
                _fsync(path.parent)

    def held(self) -> Iterator[HeldBlob]:
        """List every blob: files two folders below a tenant's."""
        for path in self.root.glob("*/??/??/*"):
            tenant = path.parts[-4]
            if not (is_tenant(tenant) and is_digest(path.name)):
                continue
            with suppress(FileNotFoundError):  # it went meanwhile
                found = path.stat()
                yield HeldBlob(BlobId(tenant, path.name), found.st_size, found.st_mtime)

    def discard(self, blob: BlobId, unused_since_s: float) -> bool:
        """Remove a blob unless it was used since.

        It is taken aside first: who renews it before that is seen, and who comes after finds it gone and writes anew.
        """
        path, aside = self.path(blob), self.incoming / f"discarded-{uuid.uuid4().hex}"
        try:
            path.rename(aside)
            if aside.stat().st_mtime > unused_since_s:
                aside.replace(path)
                return False
            aside.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise store_error(error) from error
        return True

    def tidy(self, unused_since_s: float) -> int:
        """Remove temporary files of writers that died."""
        gone = 0
        for path in self.incoming.iterdir():
            with suppress(FileNotFoundError):  # committed meanwhile
                if path.stat().st_mtime <= unused_since_s:
                    path.unlink()
                    gone += 1
        return gone

    def identity(self) -> str:
        """Return the store's id, made at its first use."""
        file = self.root / "store-id"
        try:
            if not file.exists():
                handle, name = tempfile.mkstemp(dir=self.incoming)
                with os.fdopen(handle, "w") as fresh:
                    fresh.write(uuid.uuid4().hex)
                try:
                    os.link(name, file)
                except FileExistsError:
                    pass  # another process made it a moment ago: its id is the one
                finally:
                    Path(name).unlink()
            return file.read_text("ascii").strip()
        except OSError as error:
            raise store_error(error) from error
