"""A job's documents as its run knows them: counted, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FETCHED, EXTRACTED, FAILED = pb.DOCUMENT_STATE_FETCHED, pb.DOCUMENT_STATE_EXTRACTED, pb.DOCUMENT_STATE_FAILED


class Documents:
    """Every document of a job, by id; counted as they change."""

    def __init__(self, known: Iterable[pb.JobDocument] = (), *, listing_done: bool = False) -> None:
        self._by_id: dict[str, pb.JobDocument] = {}
        self._counts = pb.DocumentCounts()
        self.listing_done = listing_done
        for document in known:
            self.put(document)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[pb.JobDocument]:
        """Go through them in the order of source, URI and member path, which never depends on timing."""
        return iter(sorted(self._by_id.values(), key=lambda d: (d.source, d.uri, d.member_path)))

    def get(self, identifier: str) -> pb.JobDocument | None:
        """Return a document."""
        return self._by_id.get(identifier)

    def put(self, document: pb.JobDocument) -> None:
        """Add a document or replace what was known of it."""
        before = self._by_id.get(document.document_id)
        if before is not None:
            self._count(before, -1)
        self._count(document, 1)
        self._by_id[document.document_id] = document

    def unfinished(self) -> list[pb.JobDocument]:
        """Return documents to extract: fetched ones, and those whose members may not all be known."""
        return [
            d
            for d in self
            if d.state == FETCHED or (d.state == EXTRACTED and d.member_count and not d.member_path)
        ]

    def counts(self) -> pb.DocumentCounts:
        """Return the counts as they are now."""
        made = pb.DocumentCounts(found=len(self._by_id), listing_done=self.listing_done)
        made.MergeFrom(self._counts)
        return made

    def _count(self, document: pb.JobDocument, sign: int) -> None:
        """Add a document to the counts or take it out: a job may have a hundred thousand, told of ten times a second."""
        counts = self._counts
        counts.fetched += sign * document.HasField("blob")
        counts.extracted += sign * (document.state == EXTRACTED)
        counts.failed += sign * (document.state == FAILED)
        counts.fetch_reused += sign * document.fetch_reused
        counts.extract_reused += sign * document.extract_reused
