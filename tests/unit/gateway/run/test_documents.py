"""A run's documents, counted as they change."""

from __future__ import annotations

from typing import Any

from collatio.v1 import common_pb2 as common
from collatio.v1 import gateway_pb2 as pb
from gateway.run.documents import EXTRACTED, FAILED, FETCHED, Documents

BLOB = common.BlobRef(sha256="0" * 64)


def document(name: str, state: Any, **fields: Any) -> pb.JobDocument:
    """Make a document of source 0."""
    return pb.JobDocument(document_id=name, uri=name, state=state, **fields)


def test_counts_follow_changes() -> None:
    """A document counts as what it is now, whatever it was before."""
    documents = Documents([document("a", FETCHED, blob=BLOB, fetch_reused=True)])
    documents.put(document("b", FETCHED, blob=BLOB))
    documents.put(document("c", FAILED))
    assert documents.counts() == pb.DocumentCounts(found=3, fetched=2, failed=1, fetch_reused=1)
    documents.put(document("a", EXTRACTED, blob=BLOB, fetch_reused=True, extract_reused=True))
    documents.put(document("b", FAILED, blob=BLOB))
    documents.listing_done = True
    assert documents.counts() == pb.DocumentCounts(
        found=3, fetched=2, extracted=1, failed=2, fetch_reused=1, extract_reused=1, listing_done=True
    )


def test_order_never_depends_on_arrival() -> None:
    """Documents are gone through by source, URI and member path."""
    made = [
        pb.JobDocument(document_id=str(n), source=source, uri=uri, member_path=path)
        for n, (source, uri, path) in enumerate([(1, "a", ""), (0, "b", "x"), (0, "b", ""), (0, "a", "")])
    ]
    assert [d.document_id for d in Documents(made)] == ["3", "2", "1", "0"]
    assert [d.document_id for d in Documents(reversed(made))] == ["3", "2", "1", "0"]


def test_what_is_unfinished_is_asked_again() -> None:
    """Fetched documents, and containers whose members may not all be known; members come with their container."""
    documents = Documents(
        [
            document("fetched", FETCHED),
            document("extracted", EXTRACTED),
            document("failed", FAILED),
            document("box", EXTRACTED, member_count=2),
            document("box-member", EXTRACTED, member_count=2, member_path="a.zip"),
        ]
    )
    assert {d.document_id for d in documents.unfinished()} == {"fetched", "box"}
