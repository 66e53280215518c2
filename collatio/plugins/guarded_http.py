"""The HTTP client that plugins are given: it cannot be talked into reaching a private address."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response whose head has arrived.

    `headers` have lower-case names; repeated ones are joined with ", ". `url` is where the last redirect led.
    `chunks` yields the body once, with its content coding undone and counted against the byte cap.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class GuardedHttp(Protocol):
    """Speaks HTTP with public addresses and those the operator allows.

    A name is resolved once, every answer must be allowed, and the connection goes to exactly one of those
    answers, with the name kept in Host and SNI. Redirects of GET and HEAD are followed, at most three, each
    checked anew; to another origin they lose the Authorization header. Proxies of the environment are not
    used, cookies are not kept.
    """

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] = NO_HEADERS, body: bytes | None = None
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Send a request and wait for the response's head; any status is a response, not an error.

        Raises URI_NOT_ALLOWED for an address that may not be reached, SOURCE_TIMEOUT, SOURCE_UNAVAILABLE when
        the connection fails, and SOURCE_TOO_LARGE from `chunks` when the body passes the byte cap.
        """
