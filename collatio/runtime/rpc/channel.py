"""Channels as every caller of a mesh should have them: round robin over all addresses, health-checked, retrying.

Retries are for UNAVAILABLE alone (AIP-194), and not for the stages' streams: who holds one opens it again by what is
still to be answered, and gRPC's retries have let calls hang (grpc/grpc#41036). No service-config timeout, because the
server would not see it: every call passes its own. Keepalive matches what the servers permit.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import grpc

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

KEEPALIVE_MS = 60_000
KEEPALIVE_TIMEOUT_MS = 10_000
RETRY_BUFFER_BYTES = 4 << 20
STREAMS = [
    {"service": "collatio.v1.FetchService", "method": "Fetch"},
    {"service": "collatio.v1.ExtractService", "method": "Extract"},
    {"service": "collatio.v1.CompareService", "method": "Compare"},
]


def service_config(health_service: str) -> str:
    """Write the service config: balancing, health checking, retries."""
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {"name": STREAMS},
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            },
        ],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
    if health_service:
        config["healthCheckConfig"] = {"serviceName": health_service}
    return json.dumps(config)


def targets(text: str) -> str:
    """Turn HOST:PORT, or a comma-separated list of them, or a gRPC target into one target.

    Several numeric addresses become one `ipv4:` or `ipv6:` target; one name is resolved by `dns:`, all its
    addresses used. Errors: SETTINGS_INVALID for a list with a name in it, which gRPC cannot resolve.
    """
    if "://" in text or text.startswith(("dns:", "unix:", "ipv4:", "ipv6:")):
        return text
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 1:
        return f"{_family(parts)}:{','.join(parts)}"
    return f"dns:///{parts[0] if parts else text}"


def _family(parts: Sequence[str]) -> str:
    try:
        versions = {ip_address(part.rpartition(":")[0].strip("[]")).version for part in parts}
    except ValueError:
        versions = set()
    if len(versions) != 1:
        raise CollatioError(
            Reason.SETTINGS_INVALID,
            "Several servers are named by numeric addresses of one kind, or by one name that resolves to them.",
        )
    return f"ipv{versions.pop()}"


def open_channel(
    target: str, *, health_service: str = "", interceptors: Sequence[Any] = ()
) -> grpc.aio.Channel:
    """Open a channel to one or several servers of the same kind, in the clear (loopback, or a mesh of its own).

    `health_service` names the service whose readiness decides whether an address gets calls; "" asks for none.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", service_config(health_service)),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 2_000),  # also the least time an attempt to connect gets
        ("grpc.enable_http_proxy", 0),  # a mesh is reached directly
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return grpc.aio.insecure_channel(targets(target), options=options, interceptors=list(interceptors))
