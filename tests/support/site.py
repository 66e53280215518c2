"""A web site for a mesh to fetch from, whose later half a test holds back until it has done its mischief."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.support.papers import paper

if TYPE_CHECKING:
    from collections.abc import Iterator


class Gate:
    """Lets through whatever is numbered below `open_below`, and holds the rest until it is opened."""

    def __init__(self) -> None:
        self._open_below: float = float("inf")
        self._changed = threading.Condition()

    def close_from(self, number: int) -> None:
        """Hold papers from this number on."""
        with self._changed:
            self._open_below = number

    def open(self) -> None:
        """Let everything through, also whoever waits."""
        with self._changed:
            self._open_below = float("inf")
            self._changed.notify_all()

    def pass_through(self, number: int) -> None:
        """Wait until a paper may go."""
        with self._changed:
            self._changed.wait_for(lambda: number < self._open_below)


class _Handler(BaseHTTPRequestHandler):
    """Serves `/TAG/NUMBER.html`, the paper of that name, and nothing else."""

    def __init__(self, gate: Gate, paragraphs: int, *args: object) -> None:
        self._gate, self._paragraphs = gate, paragraphs
        super().__init__(*args)  # type: ignore[arg-type] # as the server passes them

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        tag, _, name = self.path.strip("/").partition("/")
        number = name.removesuffix(".html")
        if not number.isdigit():
            self.send_error(404)
            return
        self._gate.pass_through(int(number))
        self._answer(paper(f"{tag} {number}", self._paragraphs).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's naming
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over a reader that was killed: that is what these tests do."""


class Site:
    """The site. `host` is what a mesh must be allowed to fetch from."""

    def __init__(self, server: _Server, gate: Gate) -> None:
        self.host = f"127.0.0.1:{server.server_address[1]}"
        self.gate = gate

    def uris(self, tag: str, count: int) -> list[str]:
        """Name so many papers; a tag of their own makes them differ from all others."""
        return [f"http://{self.host}/{tag}/{number}.html" for number in range(count)]


@contextmanager
def serving_papers(paragraphs: int = 12) -> Iterator[Site]:
    """Serve papers for the time of the block."""
    gate = Gate()
    with _Server(("127.0.0.1", 0), partial(_Handler, gate, paragraphs)) as server:
        thread = threading.Thread(target=server.serve_forever, name="site", daemon=True)
        thread.start()
        try:
            yield Site(server, gate)
        finally:
            gate.open()
            server.shutdown()
            thread.join()
