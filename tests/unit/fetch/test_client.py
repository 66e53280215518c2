"""The guarded client: the rules of RELIABILITY section 4, row 22, on real sockets with a canary that counts."""

from __future__ import annotations

import asyncio
import gzip
import sys
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.client import GuardedClient, HttpLimits
from fetch_svc.sources.guard import HostPolicy, resolve_by_system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from fetch_svc.sources.guard import Resolver

LIMITS = HttpLimits(bytes_max=1 << 20, connect_timeout_s=2, idle_timeout_s=2, total_timeout_s=5)


class Clients:
    """Makes clients and closes them."""

    def __init__(self) -> None:
        self._made: list[GuardedClient] = []

    def __call__(
        self,
        *allow: str,
        resolve: Resolver = resolve_by_system,
        limits: HttpLimits = LIMITS,
        ca_file: str | None = None,
    ) -> GuardedClient:
        """Make a client that allows these hosts."""
        self._made.append(GuardedClient(HostPolicy(allow), limits, resolve=resolve, ca_file=ca_file))
        return self._made[-1]

    async def close(self) -> None:
        """Close every client."""
        for client in self._made:
            await client.aclose()


@pytest.fixture
async def client_for() -> AsyncIterator[Clients]:
    """Make clients that allow the given hosts."""
    clients = Clients()
    yield clients
    await clients.close()


async def fetch(client: GuardedClient, url: str, **options: object) -> tuple[int, bytes]:
    """Return status and body."""
    async with client.request("GET", url, **options) as response:
        return response.status, b"".join([chunk async for chunk in response.chunks])


async def loopback(host: str, port: int) -> Sequence[str]:
    """Resolve every name to loopback."""
    return ["127.0.0.1"]


async def refusal(client: GuardedClient, url: str) -> Reason:
    """Return the reason a URL is refused for."""
    with pytest.raises(CollatioError) as caught:
        await fetch(client, url)
    return caught.value.reason


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "LOCALHOST.", "0.0.0.0", "127.1", "2130706433", "0177.0.0.1", "0x7f.1", "0",
     "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]",
     "[2002:7f00:1::]", "\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "public.example@127.0.0.1",
     "public.example:80@127.0.0.1"],
)  # fmt: skip
async def test_no_spelling_of_loopback_is_reached(canary: Any, client_for: Clients, host: str) -> None:
    """Every way to write the loopback address is URI_NOT_ALLOWED, and nothing connects."""
    port = canary.port
    for scheme in ("http", "https"):
        reason = await refusal(client_for(), f"{scheme}://{host}:{port}/")
        assert reason in {Reason.URI_NOT_ALLOWED, Reason.URI_INVALID}
        assert reason is Reason.URI_NOT_ALLOWED or "\u2460" in host
    assert canary.hits == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[::ffff:169.254.169.254]/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://2852039166/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "http://metadata.test/computeMetadata/v1/",
    ],
)
async def test_metadata_services_are_not_reached(
    client_for: Clients, names: Callable[..., Any], url: str
) -> None:
    """Addresses where clouds hand out credentials are refused, by number and by name."""
    resolve = names(metadata_test=[["169.254.169.254"]])
    assert await refusal(client_for(resolve=resolve), url) is Reason.URI_NOT_ALLOWED


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
@pytest.mark.parametrize("target", ["http://127.0.0.1:{}/", "//127.0.0.1:{}/", "http://2130706433:{}/",
                                    "http://rebound.test:{}/", "https://127.0.0.1:{}/"])  # fmt: skip
async def test_a_redirect_is_checked_anew(
    web: Any, canary: Any, client_for: Clients, status: str, target: str
) -> None:
    """An allowed server that redirects to loopback does not get there."""
    web.serve("/go", status=status, Location=target.format(canary.port))
    client = client_for(f"127.0.0.1:{web.port}", resolve=loopback)
    assert await refusal(client, web.url("/go")) is Reason.URI_NOT_ALLOWED
    assert (web.hits, canary.hits) == (1, 0)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.com/", "gopher://127.0.0.1:6379/_x"])
async def test_a_redirect_does_not_change_the_protocol(web: Any, client_for: Clients, target: str) -> None:
    """A redirect away from HTTP is URI_NOT_ALLOWED."""
    web.serve("/go", status="302 Found", Location=target)
    assert await refusal(client_for(f"127.0.0.1:{web.port}"), web.url("/go")) is Reason.URI_NOT_ALLOWED


async def test_redirects_are_followed_three_times(web: Any, client_for: Clients) -> None:
    """Three redirects arrive, a fourth is refused, relative targets are understood."""
    for step in range(4):
        web.serve(f"/{step}", status="302 Found", Location=f"{step + 1}")
    web.serve("/4", b"here")
    client = client_for(f"127.0.0.1:{web.port}")
    assert await fetch(client, web.url("/1")) == (200, b"here")
    assert await refusal(client, web.url("/0")) is Reason.URI_NOT_ALLOWED


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address")
async def test_a_name_that_is_rebound_is_not_followed(
    make_web: type, client_for: Clients, names: Callable[..., Any]
) -> None:
    """The answer that was judged is the answer that is connected to; a later, other answer is judged anew.

    127.0.0.2 stands for the public address here; the name turns to 127.0.0.1 behind its back.
    """
    async with make_web().running("127.0.0.2") as public, make_web(port=public.port).running() as canary:
        public.answers["/"] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
        resolve = names(rebound_test=[["127.0.0.2"], ["127.0.0.1"]])
        client = client_for(f"127.0.0.2:{public.port}", resolve=resolve)
        url = public.url("/", host="rebound.test")
        assert await fetch(client, url) == (200, b"hi")
        assert resolve.asked == ["rebound.test"]
        assert await refusal(client, url) is Reason.URI_NOT_ALLOWED
        assert (public.hits, canary.hits) == (1, 0)


async def test_one_private_answer_among_public_ones_refuses_the_name(
    canary: Any, client_for: Clients, names: Callable[..., Any]
) -> None:
    """A name with a public and a loopback address is not tried at all."""
    resolve = names(mixed_test=[["93.184.216.34", "127.0.0.1"]])
    assert (
        await refusal(client_for(resolve=resolve), canary.url("/", host="mixed.test"))
        is Reason.URI_NOT_ALLOWED
    )
    assert canary.hits == 0


async def test_a_socket_is_made_for_approved_addresses_alone(client_for: Clients) -> None:
    """Whatever path the library took, the last step refuses an address that the guard has not let through."""
    client = client_for("127.0.0.1:81")
    await client._resolver.approve("127.0.0.1", 81)
    client._socket_for((2, 1, 6, "", ("127.0.0.1", 81))).close()
    for target in (("127.0.0.1", 82), ("127.0.0.2", 81), ("93.184.216.34", 80)):
        with pytest.raises(CollatioError) as caught:
            client._socket_for((2, 1, 6, "", target))
        assert caught.value.reason is Reason.URI_NOT_ALLOWED


async def test_proxies_of_the_environment_are_not_used(
    web: Any, canary: Any, client_for: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy variable would undo the pin."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, canary.url(""))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    web.serve("/", b"direct")
    assert await fetch(client_for(f"127.0.0.1:{web.port}"), web.url("/")) == (200, b"direct")
    assert canary.hits == 0


async def test_host_and_server_name_stay_the_name(
    secure_web: tuple, client_for: Clients, names: Callable[..., Any]
) -> None:
    """Over TLS to a pinned address, SNI, certificate check and Host header all speak of the name."""
    web, ca_file = secure_web
    web.serve("/", b"secret")
    resolve = names(docs_example_test=[["127.0.0.1"]])
    client = client_for(f"127.0.0.1:{web.port}", resolve=resolve, ca_file=ca_file)
    url = web.url("/", host="docs.example.test", scheme="https")
    assert await fetch(client, url) == (200, b"secret")
    assert web.server_names == ["docs.example.test"]
    assert f"Host: docs.example.test:{web.port}\r\n" in web.heads[0]


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_server_must_prove_its_name(
    secure_web: tuple, client_for: Clients, names: Callable[..., Any], trusted: bool
) -> None:
    """A certificate for another name, or of an unknown authority, ends the matter."""
    web, ca_file = secure_web
    resolve = names(other_example_test=[["127.0.0.1"]], docs_example_test=[["127.0.0.1"]])
    client = client_for(f"127.0.0.1:{web.port}", resolve=resolve, ca_file=ca_file if trusted else None)
    host = "other.example.test" if trusted else "docs.example.test"
    assert await refusal(client, web.url("/", host=host, scheme="https")) is Reason.SOURCE_UNAVAILABLE
    assert web.heads == []


async def test_a_redirect_from_https_to_http_is_refused(
    secure_web: tuple, web: Any, client_for: Clients, names: Callable[..., Any]
) -> None:
    """What was asked for in secret is not fetched in the open."""
    secure, ca_file = secure_web
    secure.serve("/", status="302 Found", Location=web.url("/"))
    allow = (f"127.0.0.1:{secure.port}", f"127.0.0.1:{web.port}")
    client = client_for(*allow, resolve=names(docs_example_test=[["127.0.0.1"]]), ca_file=ca_file)
    url = secure.url("/", host="docs.example.test", scheme="https")
    assert await refusal(client, url) is Reason.URI_NOT_ALLOWED
    assert web.hits == 0


async def test_secrets_stay_with_their_origin(web: Any, make_web: type, client_for: Clients) -> None:
    """A redirect to another origin loses Authorization; one within the origin keeps it."""
    async with make_web().running() as other:
        other.serve("/", b"there")
        web.serve("/in", status="302 Found", Location="/out")
        web.serve("/out", status="302 Found", Location=other.url("/"))
        client = client_for(f"127.0.0.1:{web.port}", f"127.0.0.1:{other.port}")
        headers = {"Authorization": "canary", "X-Kept": "yes"}
        assert await fetch(client, web.url("/in"), headers=headers) == (200, b"there")
        assert all("canary" in head for head in web.heads)
        assert "canary" not in other.heads[0]
        assert "yes" in other.heads[0]


@pytest.mark.parametrize("name", ["Host", "Content-Length", "transfer-encoding"])
async def test_a_plugin_may_not_set_framing_headers(web: Any, client_for: Clients, name: str) -> None:
    """Headers that would move the request elsewhere are the client's own."""
    with pytest.raises(CollatioError) as caught:
        await fetch(client_for(f"127.0.0.1:{web.port}"), web.url("/"), headers={name: "x"})
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert web.hits == 0


async def test_the_path_is_sent_as_written(web: Any, client_for: Clients) -> None:
    """Escapes of a signed URL arrive as they were signed."""
    path = "/a%2Fb%20c/d?sig=%2B%2f%3D&x=a+b"
    web.serve(path, b"ok")
    assert await fetch(client_for(f"127.0.0.1:{web.port}"), web.url(path)) == (200, b"ok")


async def test_connections_are_kept_alive(web: Any, client_for: Clients) -> None:
    """Several documents of one host share a connection."""
    web.serve("/", b"ok")
    client = client_for(f"127.0.0.1:{web.port}")
    for _ in range(5):
        assert await fetch(client, web.url("/")) == (200, b"ok")
    assert (web.hits, len(web.heads)) == (1, 5)


def bomb() -> bytes:
    """Return 20 MB of zeros in 20 KB of gzip."""
    return gzip.compress(bytes(20_000_000))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (bytes(2 << 20), {}),
        (bomb(), {"Content_Encoding": "gzip"}),
        (zlib.compress(bytes(20_000_000)), {"Content_Encoding": "deflate"}),
        (gzip.compress(bytes(600_000)) * 2, {"Content_Encoding": "x-gzip"}),
    ],
)
async def test_a_body_above_the_cap_is_cut(
    web: Any, client_for: Clients, body: bytes, headers: Mapping[str, str]
) -> None:
    """Plain or inflated, more bytes than the cap are SOURCE_TOO_LARGE."""
    web.serve("/", body, **headers)
    assert await refusal(client_for(f"127.0.0.1:{web.port}"), web.url("/")) is Reason.SOURCE_TOO_LARGE


async def test_a_body_without_end_is_cut(web: Any, client_for: Clients) -> None:
    """A response that never says its length is counted while it streams."""

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    web.answers["/"] = endless
    assert await refusal(client_for(f"127.0.0.1:{web.port}"), web.url("/")) is Reason.SOURCE_TOO_LARGE


async def test_a_coded_body_is_decoded(web: Any, client_for: Clients) -> None:
    """A server that compresses unasked is understood, several members included."""
    web.serve("/", gzip.compress(b"one ") + gzip.compress(b"two"), Content_Encoding="gzip")
    assert await fetch(client_for(f"127.0.0.1:{web.port}"), web.url("/")) == (200, b"one two")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf", Reason.SOURCE_UNAVAILABLE),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Reason.SOURCE_UNAVAILABLE),
    ],
)
async def test_a_broken_answer_is_unavailable(
    web: Any, client_for: Clients, answer: bytes, reason: Reason
) -> None:
    """A body that ends early, or another protocol, is never taken for a document."""

    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    web.answers["/"] = broken
    assert await refusal(client_for(f"127.0.0.1:{web.port}"), web.url("/")) is reason


@pytest.mark.parametrize(
    ("body", "coding"),
    [(gzip.compress(b"x" * 99)[:-9], "gzip"), (b"not gzip", "gzip"), (b"x", "br"), (b"x", "gzip, gzip")],
)
async def test_a_damaged_or_unknown_coding_is_unavailable(
    web: Any, client_for: Clients, body: bytes, coding: str
) -> None:
    """Bytes that cannot be decoded whole are not passed on as a document."""
    web.serve("/", body, Content_Encoding=coding)
    assert await refusal(client_for(f"127.0.0.1:{web.port}"), web.url("/")) is Reason.SOURCE_UNAVAILABLE


async def test_a_port_without_a_server_is_unavailable(client_for: Clients, make_web: type) -> None:
    """A refused connection says so, without the library's words."""
    async with make_web().running() as gone:
        pass
    assert await refusal(client_for("127.0.0.1"), gone.url("/")) is Reason.SOURCE_UNAVAILABLE


@pytest.mark.parametrize("when", ["head", "body", "drip"])
async def test_a_slow_server_times_out(web: Any, client_for: Clients, when: str) -> None:
    """Silence before or within a body, and a body that drips for ever, end in SOURCE_TIMEOUT."""

    async def slow(writer: asyncio.StreamWriter) -> None:
        if when != "head":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while when == "drip":
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)
        await asyncio.sleep(5)

    web.answers["/"] = slow
    limits = HttpLimits(bytes_max=1 << 20, connect_timeout_s=1, idle_timeout_s=0.1, total_timeout_s=0.3)
    assert (
        await refusal(client_for(f"127.0.0.1:{web.port}", limits=limits), web.url("/"))
        is Reason.SOURCE_TIMEOUT
    )


async def test_errors_give_nothing_away(web: Any, client_for: Clients) -> None:
    """No message holds path, query or credentials of the URL."""

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    web.answers["/canary?token=canary"] = hang_up
    client = client_for(f"127.0.0.1:{web.port}")
    for url in (web.url("/canary?token=canary"), f"http://canary:canary@127.0.0.1:{web.port}/"):
        with pytest.raises(CollatioError) as caught:
            await fetch(client, url)
        assert "canary" not in str(caught.value)
