"""`blob:sha256:HEX` URIs: bytes that are in the blob store already. They are read there, not fetched."""

from __future__ import annotations

import re

from collatio.runtime.errors import CollatioError, Reason

SCHEME = "blob"
_BLOB = re.compile(r"blob:sha256:([0-9a-f]{64})")


def digest_of(uri: str) -> str:
    """Return the digest (64 lower-case hexadecimal digits) that a `blob:` URI names; raises URI_INVALID."""
    match = _BLOB.fullmatch(uri)
    if match is None:
        raise CollatioError(
            Reason.URI_INVALID,
            "Write blob:sha256: and the 64 hexadecimal digits, in lower case, of the bytes.",
        )
    return match[1]


def uri_of(digest: str) -> str:
    """Return the URI of a digest."""
    return f"blob:sha256:{digest}"
