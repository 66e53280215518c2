"""Blobs in an object store, shown with one in memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import obstore
import pytest
from obstore.store import MemoryStore

from collatio.runtime.blobs.connect import connect
from collatio.runtime.blobs.digest import BlobId, digest_of
from collatio.runtime.blobs.local import LocalBlobs
from collatio.runtime.blobs.remote import RemoteBlobs
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TENANT = "default"
DATA = b"some bytes"
BLOB = BlobId(TENANT, digest_of(DATA))


@pytest.fixture
def store() -> MemoryStore:
    """An object store."""
    return MemoryStore()


@pytest.fixture
def blobs(store: MemoryStore) -> RemoteBlobs:
    """Blobs in it."""
    return RemoteBlobs(store)


def reason_of(work: Callable[[], object]) -> Reason:
    """Return the reason something fails with."""
    with pytest.raises(CollatioError) as caught:
        work()
    return caught.value.reason


def test_what_is_put_can_be_read(blobs: RemoteBlobs) -> None:
    """As from a folder: by digest, whole, as a real file, and in ranges."""
    assert blobs.put(TENANT, DATA, durable=True) == BLOB.sha256
    assert blobs.stat(BLOB) == len(DATA)
    assert blobs.get(BLOB) == DATA
    with blobs.open(BLOB) as file:
        assert os.fstat(file.fileno()).st_size == len(DATA)
        assert file.read() == DATA
    assert b"".join(blobs.chunks(BLOB, 5, 3)) == b"byt"
    assert b"".join(blobs.chunks(BLOB, 5, None)) == b"bytes"
    assert list(blobs.chunks(BLOB, len(DATA), None)) == []
    blobs.sync()


def test_a_writer_s_bytes_are_sent_at_its_commit(blobs: RemoteBlobs) -> None:
    """Larger than its spool's memory too; left without a commit, nothing was sent."""
    data = os.urandom(9 << 20)
    blob = BlobId(TENANT, digest_of(data))
    with blobs.writer(TENANT, durable=True) as writer:
        writer.write(data)
    assert blobs.stat(blob) is None
    with blobs.writer(TENANT, durable=True) as writer:
        writer.write(data[:100])
        writer.write(data[100:])
        assert writer.commit() == blob.sha256
    assert b"".join(blobs.chunks(blob, 0, None)) == data


def test_what_is_not_there_is_told(blobs: RemoteBlobs) -> None:
    """BLOB_NOT_FOUND, another tenant's blob too."""
    blobs.put("other", DATA)
    assert blobs.stat(BLOB) is None
    for read in (blobs.get, blobs.open, lambda blob: list(blobs.chunks(blob, 0, None))):
        assert reason_of(lambda read=read: read(BLOB)) is Reason.BLOB_NOT_FOUND


def test_a_damaged_blob_counts_as_gone(blobs: RemoteBlobs, store: MemoryStore) -> None:
    """It is removed, so that who asks whether it is there makes it again."""
    blobs.put(TENANT, DATA)
    obstore.put(store, BLOB.path, b"other bytes")
    assert reason_of(lambda: blobs.get(BLOB)) is Reason.BLOB_NOT_FOUND
    assert blobs.stat(BLOB) is None
    assert reason_of(lambda: blobs.open(BLOB)) is Reason.BLOB_NOT_FOUND


def test_a_store_has_one_identity(store: MemoryStore) -> None:
    """Whoever opens it."""
    assert RemoteBlobs(store).identity() == RemoteBlobs(store).identity()
    assert RemoteBlobs(store).identity() != RemoteBlobs(MemoryStore()).identity()


def test_a_url_names_a_store(tmp_path: Path) -> None:
    """A folder, or one that obstore knows; anything else is a setting's fault."""
    assert isinstance(connect((tmp_path / "a b").as_uri()), LocalBlobs)
    assert (tmp_path / "a b").is_dir()
    assert isinstance(connect("memory:///"), RemoteBlobs)
    for url in ("ftp://host/a", "file://host/a", "nonsense"):
        assert reason_of(lambda url=url: connect(url)) is Reason.SETTINGS_INVALID


def test_blobs_are_listed_and_discarded_by_their_time(blobs: RemoteBlobs, store: MemoryStore) -> None:
    """What is no blob is passed over; one that was written since a time stays."""
    blobs.put(TENANT, DATA)
    blobs.identity()
    (found,) = blobs.held()
    assert (found.blob, found.size_bytes) == (BLOB, len(DATA))
    assert not blobs.discard(BLOB, found.used_s - 1)
    assert blobs.renew(BLOB)
    assert blobs.discard(BLOB, found.used_s)
    assert not blobs.discard(BLOB, found.used_s)
    assert not blobs.renew(BLOB)
    assert not list(blobs.held())
    assert blobs.tidy(found.used_s) == 0
