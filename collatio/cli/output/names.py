"""What each document of a job is called.

A document is called by its URI. One that was uploaded has only a digest for a URI, so it is called by its
source's key, which is the path its owner typed. A member is called `CONTAINER!/MEMBER`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collatio.client.messages import ComparedDocument, Job, JobDocument, Source

_JOINT = "!/"


class Names:
    """The names of a job's documents."""

    def __init__(self, job: Job, documents: Iterable[JobDocument] = ()) -> None:
        self._sources = list(job.spec.sources)
        if job.spec.compare.baseline.HasField("source"):
            self._sources.append(job.spec.compare.baseline.source)  # its index is one past the others
        self._by_id = {each.document_id: each for each in documents if each.document_id}

    def uri(self, document: JobDocument) -> str:
        """Name a document."""
        parent = self._parent(document)
        if document.member_path and parent is not None:
            inside = document.member_path.removeprefix(
                parent.member_path + _JOINT if parent.member_path else ""
            )
            return self.uri(parent) + _JOINT + inside
        uri = self._key(document) or document.uri
        if not document.member_path or uri.endswith(_JOINT + document.member_path):
            return uri
        return uri + _JOINT + document.member_path

    def parent(self, document: JobDocument) -> str | None:
        """Name the document that a member is in; None where it is no member."""
        parent = self._parent(document)
        return None if parent is None else self.uri(parent)

    def compared(self, document: ComparedDocument) -> str:
        """Name one side of a comparison."""
        known = self._by_id.get(document.document_id)
        return document.uri if known is None else self.uri(known)

    def _parent(self, document: JobDocument) -> JobDocument | None:
        return self._by_id.get(document.parent_id) if document.parent_id else None

    def _key(self, document: JobDocument) -> str:
        source = self._source(document)
        if source is None:
            return ""
        match source.WhichOneof("origin"):
            case "blob":
                return source.key
            case "inline":
                return source.key or source.inline.name
        return ""

    def _source(self, document: JobDocument) -> Source | None:
        return self._sources[document.source] if 0 <= document.source < len(self._sources) else None
