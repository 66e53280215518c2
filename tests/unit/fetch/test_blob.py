"""`blob:` URIs name a digest."""

from __future__ import annotations

import pytest

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.blob import digest_of, uri_of


def test_a_blob_uri_round_trips() -> None:
    """A digest comes back from its URI."""
    assert digest_of(uri_of("0a" * 32)) == "0a" * 32


@pytest.mark.parametrize("uri", ["blob:", "blob:sha256:", "blob:sha256:" + "A" * 64, "blob:md5:" + "0" * 64,
                                 "blob:sha256:" + "0" * 64 + "/../x", "blob:sha256:" + "0" * 64 + "\n"])  # fmt: skip
def test_anything_else_is_refused(uri: str) -> None:
    """Only 64 lower-case hexadecimal digits make a blob URI."""
    with pytest.raises(CollatioError) as caught:
        digest_of(uri)
    assert caught.value.reason is Reason.URI_INVALID
