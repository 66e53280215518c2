"""Where a gateway is, and the channel to it.

Rules (CONVENTIONS 2.4-2.7): round robin over all addresses; UNAVAILABLE is tried four times; keepalive pings
only while calls are open; a lost connection is sought again within two seconds. The health check belongs to
channels with a choice of backends: with one alone it would only hide the gateway's own, more precise, refusal.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import grpc.aio

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\],]+):(?P<port>\d{1,5})")
_GRPC_NAME = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract|vsock|xds):.+")
_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],  # AIP-194: the only code that is always safe
}


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
    """Tell whether there may be more than one backend, so that a health check can prefer one."""
    if len(targets) > 1 or _GRPC_NAME.fullmatch(targets[0]):
        return True
    host = _split(targets[0])[0]
    return host != "localhost" and not _is_address(host)


def open_channel(
    target: str,
    targets: tuple[str, ...],
    *,
    credentials: grpc.ChannelCredentials | None = None,
    health_of: str | None = None,
) -> grpc.aio.Channel:
    """Open a channel to what `resolve` made; nothing is sent before the first call.

    `health_of` is the service whose health decides which backends are used; unset: all are.
    """
    options = _options(targets, health_of)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, credentials, options=options)


def _options(targets: tuple[str, ...], health_of: str | None) -> list[tuple[str, Any]]:
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [{"name": [{}], "retryPolicy": _RETRY_POLICY}],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
    if health_of is not None:
        config["healthCheckConfig"] = {"serviceName": health_of}
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    if len(targets) > 1:
        options.append(("grpc.default_authority", targets[0]))
    if all(map(_is_loopback, targets)):
        options.append(("grpc.enable_http_proxy", 0))
    return options


def _split(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(target: str) -> bool:
    if _GRPC_NAME.fullmatch(target):
        return target.startswith("unix")
    host = _split(target)[0]
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)
