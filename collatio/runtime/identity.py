"""How documents are named within a job, the same in every service."""

from __future__ import annotations

import hashlib


def document_id(source: int | str, uri: str, member_path: str = "") -> str:
    """Make a document's id, unique within its job: a digest of its source, URI and member path."""
    text = f"{source}\n{uri}\n{member_path}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
