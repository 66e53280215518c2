"""`http:` URIs: what a server's answer means."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from collatio.plugins.testing.sources import TableHttp, check_source
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.http import HttpSource

if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "https://example.com/docs/a.pdf"
NOW = 1_700_000_000.0


def source(status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"hello") -> HttpSource:
    """Return a source whose one document answers so."""
    return HttpSource(TableHttp({URL: (status, headers or {}, body)}), now_s=lambda: NOW)


async def reading(source: HttpSource) -> bytes:
    """Read the document."""
    async with source.open(URL) as content:
        return b"".join([chunk async for chunk in content.chunks])


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.SOURCE_PERMISSION_DENIED),
        (401, Reason.SOURCE_PERMISSION_DENIED),
        (403, Reason.SOURCE_PERMISSION_DENIED),
        (404, Reason.SOURCE_NOT_FOUND),
        (410, Reason.SOURCE_NOT_FOUND),
        (429, Reason.SOURCE_UNAVAILABLE),
        (500, Reason.SOURCE_UNAVAILABLE),
        (503, Reason.SOURCE_UNAVAILABLE),
        (206, Reason.SOURCE_UNAVAILABLE),
        (302, Reason.SOURCE_UNAVAILABLE),
    ],
)
async def test_a_status_has_a_reason(status: int, reason: Reason) -> None:
    """A page of an error is never taken for the document."""
    for attempt in (reading(source(status)), source(status).stat(URL)):
        with pytest.raises(CollatioError) as caught:
            await attempt
        assert caught.value.reason is reason
        assert "docs" not in caught.value.message


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("7", 7.0),
        ("999999999999", 3600.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
async def test_retry_after_is_honoured_within_bounds(value: str, wait: float | None) -> None:
    """Seconds and dates are understood; what cannot be read is left to whoever retries."""
    with pytest.raises(CollatioError) as caught:
        await reading(source(503, {"retry-after": value}))
    assert caught.value.retry_after_s == wait


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"abc"'}, 'etag:"abc"'),
        ({"etag": 'W/"abc"'}, None),
        ({"etag": '""'}, None),
        ({}, None),
        (
            {"last-modified": formatdate(NOW - 100, usegmt=True), "date": formatdate(NOW, usegmt=True)},
            f"modified:{int(NOW - 100)}:",
        ),
        ({"last-modified": formatdate(NOW - 1, usegmt=True), "date": formatdate(NOW, usegmt=True)}, None),
        ({"last-modified": formatdate(NOW - 100, usegmt=True)}, None),
        ({"last-modified": "yesterday", "date": "today"}, None),
    ],
)
async def test_only_a_strong_validator_counts(headers: Mapping[str, str], validator: str | None) -> None:
    """A strong ETag or a settled modification time promise equal bytes; nothing else does."""
    assert (await source(headers=headers).stat(URL)).validator == validator


async def test_a_server_without_head_is_asked_again() -> None:
    """405 to HEAD is not the document's fault."""

    class NoHead(TableHttp):
        def request(self, method: str, url: str, **options: object) -> object:
            return super().request(method, url if method == "GET" else "https://nowhere.test/405", **options)

    http = NoHead({URL: (200, {"content-length": "5"}, b"hello"), "https://nowhere.test/405": (405, {}, b"")})
    assert (await HttpSource(http).stat(URL)).size_bytes == 5


async def test_it_keeps_the_promises_of_a_source() -> None:
    """Except that a web page has no folder, the suite for authors passes; a URI lists itself."""
    http = TableHttp({URL: (200, {"content-length": "5", "content-type": "text/plain"}, b"hello")})
    listing = await HttpSource(http).list(URL)
    assert [entry.uri for entry in listing.entries] == [URL]
    assert http.asked == []
    with pytest.raises(AssertionError, match="relative path"):
        await check_source(
            HttpSource(http), folder=URL, files={URL: b"hello"}, missing="https://example.com/no"
        )


async def test_a_page_token_is_not_its_own() -> None:
    """A single document has no second page."""
    with pytest.raises(CollatioError) as caught:
        await source().list(URL, "token")
    assert caught.value.reason is Reason.INVALID_PAGE_TOKEN
