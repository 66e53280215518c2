"""Where a gateway is: read what was typed, and make of it the one name that gRPC dials."""

from __future__ import annotations

import asyncio
import re
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\],]+):(?P<port>\d{1,5})")
_GRPC_NAME = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract|vsock|xds):.+")


def parse_targets(targets: str | Sequence[str]) -> tuple[str, ...]:
    """Read one target or several: `host:port`, comma-separated or a sequence, or one gRPC name (`dns:///…`).

    Errors: ValueError with a sentence that says which one is wrong.
    """
    texts = [targets] if isinstance(targets, str) else list(targets)
    found = tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
    if not found:
        raise ValueError("no gateway is named: give HOST:PORT")
    if len(found) == 1 and _GRPC_NAME.fullmatch(found[0]):
        return found
    for each in found:
        match = _HOST_PORT.fullmatch(each)
        if match is None or not 0 < int(match["port"]) < 65536:
            raise ValueError(f"{each!r} is not an address: give HOST:PORT, e.g. localhost:50050")
    return found


async def resolve(targets: tuple[str, ...]) -> str:
    """Make the one name that gRPC dials.

    Several addresses become one list, for which names are resolved now, once; a single name stays a name and
    is resolved again whenever its addresses fail.
    """
    if len(targets) == 1:
        return targets[0] if _GRPC_NAME.fullmatch(targets[0]) else f"dns:///{targets[0]}"
    loop = asyncio.get_running_loop()
    found: dict[int, list[str]] = {socket.AF_INET: [], socket.AF_INET6: []}
    for host, port in map(_split, targets):
        for family, _, _, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            text = f"[{address[0]}]:{port}" if family == socket.AF_INET6 else f"{address[0]}:{port}"
            if text not in found.setdefault(family, []):
                found[family].append(text)
    if found[socket.AF_INET]:
        return "ipv4:" + ",".join(found[socket.AF_INET])
    return "ipv6:" + ",".join(found[socket.AF_INET6])


def has_choice(targets: tuple[str, ...]) -> bool:
    """Tell whether there may be more than one backend.

    Only then is a health check of use: with one alone it would hide the gateway's own, more precise, refusal.
    """
    if len(targets) > 1 or _GRPC_NAME.fullmatch(targets[0]):
        return True
    host = _split(targets[0])[0]
    return host != "localhost" and not _is_address(host)


def _split(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
