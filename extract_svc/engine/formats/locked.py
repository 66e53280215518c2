"""Compound files that are no document by themselves: locked OOXML, which a password opens, and unknown storages."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.sniff import sniff_bytes
from extract_svc.engine import cfb
from extract_svc.engine import media_type as types
from extract_svc.engine.locks import ooxml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

INSIDE = {types.DOCX: "docx", types.XLSX: "xlsx", types.XLSB: "xlsx", types.PPTX: "pptx"}


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read the document behind the lock as its own format does, with the first password that fits.

    Errors: CollatioError ENCRYPTED where none does, FORMAT_UNSUPPORTED.
    """
    if document.media_type != types.OOXML_LOCKED:
        raise CollatioError(Reason.FORMAT_UNSUPPORTED, "The compound file holds no known document.")
    data = _unlock(document.data, (ooxml.EXCELS_OWN, *options.passwords))
    if data is None:
        raise CollatioError(Reason.ENCRYPTED, "The office document is locked with a password.")
    draft.media_type = sniff_bytes(data, document.name)
    module = INSIDE.get(draft.media_type)
    if module is None:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "Behind the lock is no office document.")
    inner = replace(document, data=data, media_type=draft.media_type)
    importlib.import_module(f"extract_svc.engine.formats.{module}").read(inner, options, draft)


def _unlock(data: bytes, passwords: Sequence[str]) -> bytes | None:
    """Open the lock; where it is broken itself, no password fits."""
    try:
        return ooxml.unlock(cfb.CompoundFile(data), passwords)
    except CollatioError as error:
        if error.reason is Reason.DOCUMENT_CORRUPT:
            return None
        raise
