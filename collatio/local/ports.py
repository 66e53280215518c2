"""Loopback ports: free ones for the services, the wanted one for the gateway.

A port is found by binding it and letting it go, so another program may take it in between; the services
then fail to bind (they never share a port) and the start says so.
"""

from __future__ import annotations

import errno
import socket

from collatio.runtime.errors import CollatioError, Reason

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Find this many distinct free ports on 127.0.0.1."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def require_free(host: str, port: int) -> None:
    """Check that nothing listens on the port.

    Errors: SETTINGS_INVALID, saying what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: a port that lingers in TIME_WAIT after the last run is not in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)  # where SO_REUSEADDR lets two sockets bind, only one can listen
        except OSError as failure:
            raise CollatioError(Reason.SETTINGS_INVALID, _say(host, port, failure)) from None


def address(host: str, port: int) -> str:
    """Join host and port as gRPC writes them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _say(host: str, port: int, failure: OSError) -> str:
    if failure.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: choose another with --port or stop what listens there"
    if failure.errno == errno.EACCES:
        return f"port {port} may not be opened by this user: choose one above 1023 with --port"
    return f"{address(host, port)} cannot be listened on ({failure.strerror}): choose another with --port"
