"""The guarded HTTP client: aiohttp, tied down.

The pin. aiohttp asks `_PinnedResolver` for every name, and the resolver answers with addresses the guard has
let through; literal addresses, which aiohttp does not resolve, are asked of the guard before the request. What
finally makes a socket (`_socket_for`) accepts only addresses that the guard let through, so that no path
through the library can reach another. Host and SNI stay the name, because the URL does.

Off, on purpose: proxies and .netrc of the environment, cookies, automatic redirects and decompression.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from collatio.plugins.guarded_http import NO_HEADERS, HttpResponse
from collatio.runtime.errors import CollatioError, Reason, invalid
from fetch_svc.engine.uri import Uri, parse
from fetch_svc.sources.decoding import decoded
from fetch_svc.sources.guard import Guard, HostPolicy, Resolver, refused, resolve_by_system, split_authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohappyeyeballs import AddrInfoType

REDIRECTS_MAX = 3
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PORTS = {"http": 80, "https": 443}
_OWN_HEADERS = frozenset(("host", "connection", "content-length", "transfer-encoding", "accept-encoding"))
_SECRET_HEADERS = frozenset(("authorization", "cookie", "proxy-authorization"))
_APPROVED_MAX = 4096


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of one request: bytes of a body, and seconds to connect, between two reads, and altogether."""

    bytes_max: int
    connect_timeout_s: float
    idle_timeout_s: float
    total_timeout_s: float
    connections_max: int = 32


class _PinnedResolver(AbstractResolver):
    """Answers aiohttp with addresses that the guard has let through, and remembers them."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._approved: dict[tuple[str, int], None] = {}

    async def approve(self, host: str, port: int) -> list[str]:
        """Let the guard check a host; its addresses may be connected to from now on."""
        addresses = [str(address) for address in await self._guard.addresses(host, port)]
        for address in addresses:
            self._approved.pop((address, port), None)
            self._approved[address, port] = None
        while len(self._approved) > _APPROVED_MAX:
            del self._approved[next(iter(self._approved))]
        return addresses

    def approved(self, address: str, port: int) -> bool:
        return (str(ip_address(address)), port) in self._approved

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp asks; both families are given
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self.approve(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class GuardedClient:
    """Implements `GuardedHttp`. It belongs to the event loop of its first request."""

    def __init__(
        self,
        policy: HostPolicy,
        limits: HttpLimits,
        *,
        resolve: Resolver = resolve_by_system,
        ca_file: str | None = None,
    ) -> None:
        self._limits = limits
        self._resolver = _PinnedResolver(Guard(policy, resolve, timeout_s=limits.connect_timeout_s))
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] = NO_HEADERS, body: bytes | None = None
    ) -> AsyncIterator[HttpResponse]:
        """Send a request; see `GuardedHttp`."""
        headers = {name.lower(): value for name, value in headers.items()}
        if _OWN_HEADERS.intersection(headers):
            raise invalid("headers", f"{', '.join(sorted(_OWN_HEADERS))} are the client's own")
        deadline = asyncio.get_running_loop().time() + self._limits.total_timeout_s
        uri = _web_uri(url)
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._send(method, uri, headers, body, deadline)
            try:
                location = response.headers.get("Location")
                if method not in {"GET", "HEAD"} or response.status not in _REDIRECTS or location is None:
                    yield HttpResponse(
                        response.status, str(uri), _headers_of(response), self._body(response, deadline)
                    )
                    return
                target = _redirected(uri, location)
            finally:
                response.close()
            if (target.scheme, target.authority) != (uri.scheme, uri.authority):
                headers = {n: v for n, v in headers.items() if n not in _SECRET_HEADERS}
            uri = target
        raise CollatioError(
            Reason.URI_NOT_ALLOWED, f"The address redirects more than {REDIRECTS_MAX} times; name its target."
        )

    async def _send(
        self, method: str, uri: Uri, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> aiohttp.ClientResponse:
        host, port = split_authority(uri.authority or "", _PORTS[uri.scheme])
        if ":" in host or host.replace(".", "").isdigit():
            await self._resolver.approve(host, port)  # aiohttp does not resolve literal addresses
        netloc = f"[{host}]" if ":" in host else host
        suffix = "" if port == _PORTS[uri.scheme] else f":{port}"
        target = Uri(uri.scheme, netloc + suffix, uri.path, uri.query)
        async with _translated(host), asyncio.timeout_at(deadline):
            return await self._open_session().request(
                method, URL(str(target), encoded=True), headers=headers, data=body, allow_redirects=False
            )

    async def _body(self, response: aiohttp.ClientResponse, deadline: float) -> AsyncIterator[bytes]:
        coding = response.headers.get("Content-Encoding", "")
        length = response.content_length
        if length is not None and length > self._limits.bytes_max and response.method != "HEAD":
            raise CollatioError(Reason.SOURCE_TOO_LARGE)
        chunks = decoded(_raw_chunks(response, deadline), coding, self._limits.bytes_max)
        async for chunk in chunks:
            yield chunk

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = self._limits
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=self._resolver,
                    use_dns_cache=False,
                    socket_factory=self._socket_for,
                    ssl=_trust(self._ca_file),
                    limit=limits.connections_max,
                    keepalive_timeout=15,
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=limits.connect_timeout_s, sock_read=limits.idle_timeout_s
                ),
                headers={"User-Agent": "collatio", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _socket_for(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, target = info
        if not self._resolver.approved(str(target[0]), int(target[1])):
            raise refused(str(target[0]))
        return socket.socket(family, kind, protocol)

    async def aclose(self) -> None:
        """Close the connections that are kept alive."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _web_uri(url: str) -> Uri:
    uri = parse(url)
    if uri.scheme not in _PORTS:
        raise CollatioError(Reason.URI_NOT_ALLOWED, "Only http: and https: addresses are fetched over HTTP.")
    return uri


def _redirected(uri: Uri, location: str) -> Uri:
    target = _web_uri(urljoin(str(uri), location))
    if uri.scheme == "https" and target.scheme == "http":
        raise CollatioError(Reason.URI_NOT_ALLOWED, "The address redirects from https to http.")
    return target


def _headers_of(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return headers


async def _raw_chunks(response: aiohttp.ClientResponse, deadline: float) -> AsyncIterator[bytes]:
    chunks = response.content.iter_any()
    while True:
        async with _translated(response.url.raw_host or ""), asyncio.timeout_at(deadline):
            chunk = await anext(chunks, b"")
        if not chunk:
            return
        yield chunk


@asynccontextmanager
async def _translated(host: str) -> AsyncIterator[None]:
    """Turn what aiohttp raises into reasons; its own words stay out, they may hold the whole URL."""
    try:
        yield
    except TimeoutError:
        raise CollatioError(Reason.SOURCE_TIMEOUT, f"{host} answered too slowly.") from None
    except (aiohttp.ClientSSLError, ssl.SSLError):
        raise CollatioError(Reason.SOURCE_UNAVAILABLE, f"{host} could not prove who it is (TLS).") from None
    except (aiohttp.ClientError, OSError):
        raise CollatioError(Reason.SOURCE_UNAVAILABLE, f"{host} cannot be reached or broke off.") from None


def _trust(ca_file: str | None) -> ssl.SSLContext:
    """Trust the system's authorities, those of certifi (some systems have none) and the operator's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
