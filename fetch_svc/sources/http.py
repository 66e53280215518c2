"""`http:` and `https:` URIs: one document each, through the guarded client."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from collatio.plugins.sources import NO_OPTIONS, Content, Entry, Listing, Stat
from collatio.runtime.errors import CollatioError, Reason, invalid
from fetch_svc.engine.uri import parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from collatio.plugins.guarded_http import GuardedHttp, HttpResponse
    from collatio.plugins.sources import SourceContext

RETRY_AFTER_MAX_S = 3600.0
_SETTLED_S = 60.0
"""A Last-Modified this much older than its response cannot be hiding a second change (RFC 9110, 8.8.2.2)."""

_OK = frozenset((200, 203, 204))
_REASONS = {
    401: Reason.SOURCE_PERMISSION_DENIED,
    403: Reason.SOURCE_PERMISSION_DENIED,
    404: Reason.SOURCE_NOT_FOUND,
    408: Reason.SOURCE_UNAVAILABLE,
    410: Reason.SOURCE_NOT_FOUND,
    425: Reason.SOURCE_UNAVAILABLE,
    429: Reason.SOURCE_UNAVAILABLE,
}
_HEAD_NOT_SERVED = frozenset((400, 403, 405, 501))


def make(context: SourceContext) -> HttpSource:
    """Make the source; all it needs is the guarded client."""
    return HttpSource(context.http)


class HttpSource:
    """Fetches one document a URI. A URI lists itself without asking the server."""

    schemes = ("http", "https")
    version = "1"

    def __init__(self, http: GuardedHttp, *, now_s: Callable[[], float] = time.time) -> None:
        self._http = http
        self._now_s = now_s

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """Return the URI itself; whether it can be fetched is seen when it is opened."""
        _refuse(options, page_token)
        return Listing((Entry(str(parse(uri)), ""),))

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Ask with HEAD, or with an unread GET where a server does not serve HEAD."""
        _refuse(options)
        for method in ("HEAD", "GET"):
            async with self._http.request(method, uri) as response:
                if method == "GET" or response.status not in _HEAD_NOT_SERVED:
                    self._check(response)
                    break
        return _stat_of(response.headers)

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Get the document."""
        _refuse(options)
        async with self._http.request("GET", uri) as response:
            self._check(response)
            yield Content(_stat_of(response.headers), response.chunks)

    def _check(self, response: HttpResponse) -> None:
        if response.status in _OK:
            return
        fallback = (
            Reason.SOURCE_PERMISSION_DENIED if 400 <= response.status < 500 else Reason.SOURCE_UNAVAILABLE
        )
        reason = _REASONS.get(response.status, fallback)
        host = parse(response.url).authority
        wait = self._retry_after_s(response.headers) if reason is Reason.SOURCE_UNAVAILABLE else None
        raise CollatioError(reason, f"{host} answered with status {response.status}.", retry_after_s=wait)

    def _retry_after_s(self, headers: Mapping[str, str]) -> float | None:
        """Read Retry-After (RFC 9110, 10.2.3): seconds, or a date; bounded by `RETRY_AFTER_MAX_S`."""
        text = headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), RETRY_AFTER_MAX_S)
        until = _date_s(text)
        return None if until is None else min(max(until - self._now_s(), 0.0), RETRY_AFTER_MAX_S)

    async def aclose(self) -> None:
        """Leave the client to whoever made it."""


def _stat_of(headers: Mapping[str, str]) -> Stat:
    coded = headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
    length = headers.get("content-length", "")
    return Stat(
        size_bytes=int(length) if length.isascii() and length.isdigit() and not coded else None,
        validator=_validator(headers),
        media_type=headers.get("content-type"),
    )


def _validator(headers: Mapping[str, str]) -> str | None:
    """Return a strong ETag, or a Last-Modified old enough to be one; a weak ETag promises no equal bytes."""
    etag = headers.get("etag", "").strip()
    if len(etag) > 2 and etag.startswith('"') and etag.endswith('"'):
        return f"etag:{etag}"
    modified, answered = _date_s(headers.get("last-modified", "")), _date_s(headers.get("date", ""))
    if modified is not None and answered is not None and answered - modified >= _SETTLED_S:
        return f"modified:{int(modified)}:{headers.get('content-length', '')}"
    return None


def _date_s(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _refuse(options: Mapping[str, object], page_token: str | None = None) -> None:
    if options:
        raise invalid("plugin_options", "http: sources take no options")
    if page_token is not None:
        raise CollatioError(Reason.INVALID_PAGE_TOKEN)
