"""Compound files that are no document by themselves: encrypted OOXML, and storages of no known kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.media_type import OOXML_LOCKED

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options


def read(document: Document, _options: Options, _draft: Draft) -> None:
    """Say why there is nothing to read. Errors: CollatioError ENCRYPTED, FORMAT_UNSUPPORTED."""
    if document.media_type == OOXML_LOCKED:
        raise CollatioError(Reason.ENCRYPTED, "The office document is locked with a password.")
    raise CollatioError(Reason.FORMAT_UNSUPPORTED, "The compound file holds no known document.")
