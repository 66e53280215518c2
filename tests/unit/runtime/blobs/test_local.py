"""Blobs in a folder: whole or not at all, verified, durable when they say so, typed when the disk fails."""

from __future__ import annotations

import os
import resource
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.blobs.digest import BlobId, digest_of
from collatio.runtime.blobs.local import SYNC_SINGLY_MAX, LocalBlobs
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TENANT = "default"
DATA = b"some bytes"
BLOB = BlobId(TENANT, digest_of(DATA))


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """An empty store."""
    return LocalBlobs(tmp_path / "blobs")


def reason_of(work: Callable[[], object]) -> Reason:
    """Return the reason something fails with."""
    with pytest.raises(CollatioError) as caught:
        work()
    return caught.value.reason


def files_of(blobs: LocalBlobs) -> list[Path]:
    """List every file of a store."""
    return [path for path in blobs.root.rglob("*") if path.is_file()]


@contextmanager
def full_disk(free_bytes: int) -> Iterator[None]:
    """Let no file grow past some bytes: what a full disk does, and this process alone feels it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_put_can_be_read(blobs: LocalBlobs) -> None:
    """By digest, with its size, whole, as a file, and in ranges."""
    assert blobs.put(TENANT, DATA) == BLOB.sha256
    assert blobs.stat(BLOB) == len(DATA)
    assert blobs.get(BLOB) == DATA
    with blobs.open(BLOB) as file:
        assert os.fstat(file.fileno()).st_size == len(DATA)
    assert b"".join(blobs.chunks(BLOB, 5, 3)) == b"byt"
    assert b"".join(blobs.chunks(BLOB, 5, None)) == b"bytes"
    assert list(blobs.chunks(BLOB, len(DATA), None)) == []


def test_large_blobs_are_read_in_chunks(blobs: LocalBlobs) -> None:
    """At most 1 MiB at a time."""
    data = os.urandom((2 << 20) + 5)
    blob = BlobId(TENANT, blobs.put(TENANT, data))
    chunks = list(blobs.chunks(blob, 0, None))
    assert [len(chunk) for chunk in chunks] == [1 << 20, 1 << 20, 5]
    assert b"".join(chunks) == data


def test_what_is_not_there_is_told(blobs: LocalBlobs) -> None:
    """Each way to read it says BLOB_NOT_FOUND; its size is None."""
    assert blobs.stat(BLOB) is None
    assert reason_of(lambda: blobs.get(BLOB)) is Reason.BLOB_NOT_FOUND
    assert reason_of(lambda: blobs.open(BLOB)) is Reason.BLOB_NOT_FOUND
    assert reason_of(lambda: list(blobs.chunks(BLOB, 0, None))) is Reason.BLOB_NOT_FOUND


def test_a_tenant_sees_its_own_blobs(blobs: LocalBlobs) -> None:
    """The same digest of another tenant is not there."""
    blobs.put(TENANT, DATA)
    assert blobs.stat(BlobId("other", BLOB.sha256)) is None


@pytest.mark.parametrize("tenant", ["", "..", "a/b", "A", "-a", "a" * 64])
def test_no_name_leaves_the_folder(blobs: LocalBlobs, tenant: str) -> None:
    """A tenant or a digest that could is refused before it touches a path."""
    with pytest.raises(ValueError, match="not a"):
        BlobId(tenant, BLOB.sha256)
    with pytest.raises(ValueError, match="not a"):
        blobs.writer(tenant, durable=False)
    with pytest.raises(ValueError, match="not a"):
        BlobId(TENANT, "../" + "0" * 61)


def test_nothing_is_visible_before_its_commit(blobs: LocalBlobs) -> None:
    """A writer's bytes are nobody's until then; left without it, they are gone."""
    with blobs.writer(TENANT, durable=True) as writer:
        writer.write(DATA[:4])
        writer.write(DATA[4:])
        assert blobs.stat(BLOB) is None
    assert files_of(blobs) == []
    with blobs.writer(TENANT, durable=True) as writer:
        writer.write(DATA)
        assert writer.commit() == BLOB.sha256
    assert files_of(blobs) == [blobs.path(BLOB)]


def test_an_error_while_writing_leaves_nothing(blobs: LocalBlobs) -> None:
    """Whatever ends the writing."""

    def break_off() -> None:
        with blobs.writer(TENANT, durable=True) as writer:
            writer.write(DATA)
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert files_of(blobs) == []


def test_a_damaged_blob_counts_as_gone(blobs: LocalBlobs) -> None:
    """Read whole it is found out and removed, so that it can be made again."""
    blobs.put(TENANT, DATA)
    blobs.path(BLOB).write_bytes(b"other byte")
    assert reason_of(lambda: blobs.get(BLOB)) is Reason.BLOB_NOT_FOUND
    assert blobs.stat(BLOB) is None
    blobs.put(TENANT, DATA)
    assert blobs.get(BLOB) == DATA


def test_a_cut_blob_is_written_again(blobs: LocalBlobs) -> None:
    """A crash left a file too short: putting its bytes mends it."""
    blobs.put(TENANT, DATA)
    blobs.path(BLOB).write_bytes(DATA[:3])
    blobs.put(TENANT, DATA)
    assert blobs.get(BLOB) == DATA


@pytest.mark.parametrize("way", ["put", "writer"])
def test_a_full_disk_is_told_and_leaves_no_partial_blob(blobs: LocalBlobs, way: str) -> None:
    """BLOB_STORE_FULL, nothing under the digest, nothing left on its way in; with room it goes on."""
    data = os.urandom(200_000)

    def write() -> object:
        if way == "put":
            return blobs.put(TENANT, data)
        with blobs.writer(TENANT, durable=True) as writer:
            for at in range(0, len(data), 10_000):
                writer.write(data[at : at + 10_000])
            return writer.commit()

    with full_disk(100_000):
        assert reason_of(write) is Reason.BLOB_STORE_FULL
    assert files_of(blobs) == []
    assert write() == digest_of(data)


def test_a_store_that_is_away_is_told(tmp_path: Path) -> None:
    """A folder that cannot be made, or is gone under a running store, is BLOB_STORE_UNAVAILABLE."""
    (tmp_path / "file").write_bytes(b"")
    assert reason_of(lambda: LocalBlobs(tmp_path / "file" / "blobs")) is Reason.BLOB_STORE_UNAVAILABLE
    blobs = LocalBlobs(tmp_path / "blobs")
    blobs.incoming.rmdir()
    assert reason_of(lambda: blobs.put(TENANT, DATA)) is Reason.BLOB_STORE_UNAVAILABLE
    path = blobs.path(BLOB)
    path.mkdir(parents=True)
    assert reason_of(lambda: blobs.get(BLOB)) is Reason.BLOB_STORE_UNAVAILABLE


class Synced(LocalBlobs):
    """A store that notes what it syncs, in a way a test can hold up or break."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.synced: list[set[Path]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.error: OSError | None = None

    def _sync(self, paths: set[Path]) -> None:
        self.synced.append(set(paths))
        self.begun.set()
        self.go_on.wait()
        if self.error is not None:
            raise self.error
        super()._sync(paths)


def test_only_durable_blobs_are_synced(tmp_path: Path) -> None:
    """Each once; one that was held already, and is now wanted durable, too."""
    blobs = Synced(tmp_path / "blobs")
    blobs.put(TENANT, b"derived")
    blobs.put(TENANT, DATA, durable=True)
    blobs.sync()
    blobs.put(TENANT, b"derived", durable=True)
    blobs.sync()
    blobs.sync()
    derived = blobs.path(BlobId(TENANT, digest_of(b"derived")))
    assert blobs.synced == [{blobs.path(BLOB)}, {derived}, set()]


def test_many_are_synced_in_one_go(blobs: LocalBlobs) -> None:
    """Past a few, the file system is written back once; one that was removed meanwhile is no fault."""
    for number in range(SYNC_SINGLY_MAX + 1):
        blobs.put(TENANT, bytes([number]), durable=True)
    blobs.sync()
    blobs.put(TENANT, DATA, durable=True)
    blobs.path(BLOB).unlink()
    blobs.sync()


def test_a_failed_sync_is_made_up_for(tmp_path: Path) -> None:
    """What was not synced is synced by the next call."""
    blobs = Synced(tmp_path / "blobs")
    blobs.put(TENANT, DATA, durable=True)
    blobs.error = OSError(28, "full")
    assert reason_of(blobs.sync) is Reason.BLOB_STORE_FULL
    blobs.error = None
    blobs.sync()
    assert blobs.synced == [{blobs.path(BLOB)}] * 2


def test_nobody_returns_while_another_syncs_their_blob(tmp_path: Path) -> None:
    """Two uploads end together: the second's sync waits for the first, which holds its blob."""
    blobs = Synced(tmp_path / "blobs")
    blobs.put(TENANT, DATA, durable=True)
    blobs.go_on.clear()
    first = threading.Thread(target=blobs.sync)
    first.start()
    blobs.begun.wait()
    second = threading.Thread(target=blobs.sync)
    second.start()
    second.join(0.05)
    assert second.is_alive()
    blobs.go_on.set()
    first.join()
    second.join()
    assert blobs.synced == [{blobs.path(BLOB)}, set()]


def test_threads_put_and_sync_side_by_side(blobs: LocalBlobs) -> None:
    """Uploads share one store: none is lost, none fails."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for n in range(30):
                blobs.put(TENANT, f"{number} {n}".encode(), durable=True)
                blobs.sync()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(files_of(blobs)) == 180


def test_a_store_has_one_identity(tmp_path: Path) -> None:
    """Made once, however many open the folder, and not another store's."""
    found = {LocalBlobs(tmp_path / "blobs").identity() for _ in range(3)}
    assert len(found) == 1
    assert LocalBlobs(tmp_path / "other").identity() not in found


def test_what_a_dead_writer_left_is_tidied_away(blobs: LocalBlobs) -> None:
    """Temporary files older than a time go; a writer at work keeps its own."""
    with blobs.writer(TENANT, durable=False) as dead, blobs.writer(TENANT, durable=False) as writer:
        dead.write(b"half")
        (left,) = (path for path in blobs.incoming.iterdir() if path.stat().st_size)
        os.utime(left, (1_000, 1_000))
        assert blobs.tidy(1_000) == 1
        writer.write(DATA)
        assert writer.commit() == BLOB.sha256
    assert files_of(blobs) == [blobs.path(BLOB)]


def test_bytes_that_are_held_are_renewed_by_a_put(blobs: LocalBlobs) -> None:
    """They count as used now, and are not written again."""
    blobs.put(TENANT, DATA)
    before = blobs.path(BLOB).stat().st_ino
    os.utime(blobs.path(BLOB), (1_000, 1_000))
    blobs.put(TENANT, DATA)
    (found,) = blobs.held()
    assert found.used_s > 1_000
    assert blobs.path(BLOB).stat().st_ino == before
