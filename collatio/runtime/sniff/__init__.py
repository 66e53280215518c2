"""Media types by content: one judge for every service, so that none reads a document as another type than the last."""

from __future__ import annotations

from collatio.runtime.sniff.sniff import HEAD_BYTES, sniff, sniff_bytes

__all__ = ["HEAD_BYTES", "sniff", "sniff_bytes"]
