"""Inline documents: bytes in the blob store, digests in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.blobs.digest import BlobId, digest_of
from collatio.v1 import common_pb2 as common
from gateway.inline import kept_name, store_inline
from tests.unit.gateway.bench import spec_of

if TYPE_CHECKING:
    from collatio.runtime.blobs.local import LocalBlobs


async def test_bytes_leave_the_spec(blobs: LocalBlobs) -> None:
    """Each inline document is stored, an empty one too, and named by its digest; the caller's spec stays as it is."""
    spec = spec_of("one:a")
    spec.sources.add(inline=common.InlineDocument(data=b"hello", name="a/b.txt"))
    spec.sources.add(inline=common.InlineDocument(name="empty.txt"))
    spec.compare.baseline.source.inline.CopyFrom(common.InlineDocument(data=b"base"))
    kept = await store_inline(blobs, "default", spec)
    documents = [kept.sources[1].inline, kept.sources[2].inline, kept.compare.baseline.source.inline]
    assert not any(document.data for document in documents)
    assert [kept_name(document) for document in documents] == [
        (digest_of(b"hello"), "a/b.txt"),
        (digest_of(b""), "empty.txt"),
        (digest_of(b"base"), ""),
    ]
    for data in (b"hello", b"", b"base"):
        assert blobs.get(BlobId("default", digest_of(data))) == data
    assert spec.sources[1].inline.data == b"hello"
