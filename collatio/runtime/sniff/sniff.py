"""Tell a document's media type by its content.

Rules. Binary formats and containers are told by their bytes alone; a wrong name changes nothing. A name (or
what a server claims) is a hint between kinds of text only, and where a container cannot be looked into. The
answer is lower case, without parameters. Macro-enabled and template flavours of an Office format are named as
the plain one, because they are read alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.sniff.ole_peek import ole_media_type
from collatio.runtime.sniff.signatures import binary_media_type
from collatio.runtime.sniff.text_kind import text_media_type, text_of
from collatio.runtime.sniff.zip_peek import zip_media_type

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD_BYTES = 8192
"""How much of a document's start `sniff` wants to see."""

EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"

_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK00PK\x03\x04")


def sniff(
    head: bytes,
    *,
    size: int,
    name: str = "",
    claimed: str | None = None,
    read_at: Callable[[int, int], bytes] | None = None,
) -> str:
    """Return the media type of a document of `size` bytes that starts with `head`.

    `read_at(offset, count)` reads anywhere in it, as far as that is possible, and returns fewer bytes where it
    is not: containers are told by what is at their end or in their middle. `application/x-empty` for no bytes,
    `application/octet-stream` for bytes that nobody knows.
    """
    if not size:
        return EMPTY
    head = head[:HEAD_BYTES]
    dot = name.rfind(".")
    suffix = name[dot:].lower() if dot >= 0 else ""
    if head.startswith(_ZIP_MAGICS):
        return zip_media_type(head, size, read_at, suffix)
    if head.startswith(_OLE_MAGIC):
        return ole_media_type(head, read_at, suffix)
    binary = binary_media_type(head)
    if binary:
        return binary
    text = text_of(head)
    if text is None:
        return UNKNOWN
    return text_media_type(text, suffix, claimed, whole=size <= len(head))


def sniff_bytes(data: bytes, name: str = "", *, claimed: str | None = None) -> str:
    """Return the media type of bytes that are all at hand."""
    return sniff(
        data[:HEAD_BYTES],
        size=len(data),
        name=name,
        claimed=claimed,
        read_at=lambda offset, count: data[max(offset, 0) : offset + count],
    )
