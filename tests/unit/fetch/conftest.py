"""What the fetch tests share: servers on loopback that say what reached them, and the shipped entry points."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence


@dataclass
class Web:
    """A web server that answers each path with the bytes it was given, and counts what it sees."""

    port: int = 0
    answers: dict[str, object] = field(default_factory=dict)
    hits: int = 0
    heads: list[str] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        """Return the URL of a path."""
        return f"{scheme}://{host}:{self.port}{path}"

    def serve(self, path: str, body: bytes = b"", status: str = "200 OK", **headers: str) -> None:
        """Answer a path with a status, headers (underscores for dashes) and a body."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.answers[path] = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits += 1
        self._open.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                method, path, _ = head.split(" ", 2)
                answer = self.answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                if callable(answer):
                    await answer(writer)
                elif isinstance(answer, bytes):
                    writer.write(
                        answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else answer
                    )
                await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Web]:
        """Listen on a free port of a host."""
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.server_names.append(name)
        server = await asyncio.start_server(self._handle, host, self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._open:
                writer.transport.abort()
            await asyncio.sleep(0)  # a turn of the loop, in which the transports close


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """Run a web server on loopback."""
    async with Web().running() as server:
        yield server


@pytest.fixture
async def canary() -> AsyncIterator[Web]:
    """Run a web server that nothing may ever reach."""
    async with Web().running() as server:
        yield server


@pytest.fixture
async def secure_web(tmp_path: Path) -> AsyncIterator[tuple[Web, str]]:
    """Run a TLS server with a certificate for docs.example.test; give the file of its authority too."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("docs.example.test").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with Web().running(tls=context) as server:
        yield server, str(ca_file)


class Names:
    """A resolver that answers from a script: each call takes the next answer, the last one stays."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(script) for name, script in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer."""
        self.asked.append(host)
        script = self._answers[host]
        return script.pop(0) if len(script) > 1 else script[0]


@pytest.fixture
def names() -> type[Names]:
    """Give the scripted resolver's class."""
    return Names


@pytest.fixture
def make_web() -> type[Web]:
    """Give the web server's class, for tests that need one elsewhere."""
    return Web


def shipped() -> list[EntryPoint]:
    """Return the shipped sources' entry points, as the package declares them."""
    table = {
        "file": "fetch_svc.sources.file:make",
        "http": "fetch_svc.sources.http:make",
        "https": "fetch_svc.sources.http:make",
        "s3": "fetch_svc.sources.objects:make_s3",
        "az": "fetch_svc.sources.objects:make_az",
        "gs": "fetch_svc.sources.objects:make_gs",
    }
    return [EntryPoint(name, value, "collatio.sources") for name, value in table.items()]


@pytest.fixture
def entry_points() -> Callable[[], list[EntryPoint]]:
    """Return the shipped sources' entry points, without an installed package."""
    return shipped


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder that other users can reach too; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


@pytest.fixture
def as_nobody() -> Iterator[Callable[[], None]]:
    """Give up root's power to read everything, until the test ends."""

    def drop() -> None:
        if os.geteuid() == 0:
            os.seteuid(65534)

    before = os.geteuid()
    yield drop
    os.seteuid(before)
