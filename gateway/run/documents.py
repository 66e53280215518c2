"""A job's documents as its run knows them: counted, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FETCHED, EXTRACTED, FAILED = pb.DOCUMENT_STATE_FETCHED, pb.DOCUMENT_STATE_EXTRACTED, pb.DOCUMENT_STATE_FAILED


class Documents:
    """Every document of a job, by id; counted as they change."""

    def __init__(self, known: Iterable[pb.JobDocument] = ()) -> None:
        self._by_id: dict[str, pb.JobDocument] = {d.document_id: d for d in known}
        self.listing_done = False

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
        self._by_id[document.document_id] = document

    def unfinished(self) -> list[pb.JobDocument]:
        """Return documents to extract: fetched ones, and those whose members may not all be known."""
        return [
            d
            for d in self
            if d.state == FETCHED or (d.state == EXTRACTED and d.member_count and not d.member_path)
        ]

    def counts(self) -> pb.DocumentCounts:
        """Count them."""
        made = pb.DocumentCounts(found=len(self._by_id), listing_done=self.listing_done)
        for document in self._by_id.values():
            made.fetched += document.HasField("blob")
            made.extracted += document.state == EXTRACTED
            made.failed += document.state == FAILED
            made.fetch_reused += document.fetch_reused
            made.extract_reused += document.extract_reused
        return made
