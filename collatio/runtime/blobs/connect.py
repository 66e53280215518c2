"""From a setting to a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from collatio.runtime.blobs.local import LocalBlobs
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collatio.runtime.blobs.store import BlobStore

_REMOTE = {"s3", "gs", "az", "azure", "memory"}


def connect(url: str) -> BlobStore:
    """Open the blob store a URL names: file:///folder, s3://bucket/prefix, gs://, az://, memory:///.

    Errors: SETTINGS_INVALID for a scheme without a store; BLOB_STORE_UNAVAILABLE where it cannot be opened.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc:
        return LocalBlobs(Path(unquote(parts.path)))
    if parts.scheme in _REMOTE:
        from obstore.store import from_url  # noqa: PLC0415 - only who has such a store loads its client

        from collatio.runtime.blobs.remote import RemoteBlobs  # noqa: PLC0415 - same

        return RemoteBlobs(from_url(url))
    raise CollatioError(
        Reason.SETTINGS_INVALID, f"{parts.scheme}: has no blob store; use file:///, s3://, gs:// or az://"
    )
