"""Ports are found, checked and written."""

from __future__ import annotations

import socket

import pytest

from collatio.local.ports import address, free_ports, require_free
from collatio.runtime.errors import CollatioError, Reason


def test_free_ports_are_distinct_and_can_be_bound() -> None:
    """No two services get one port."""
    found = free_ports(20)
    assert len(set(found)) == 20
    for port in found:
        require_free("127.0.0.1", port)


def test_a_port_in_use_is_refused_with_advice() -> None:
    """The person learns which port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CollatioError) as caught:
            require_free("127.0.0.1", port)
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert caught.value.message == (
        f"port {port} on 127.0.0.1 is in use: choose another with --port or stop what listens there"
    )


def test_a_port_just_given_up_is_free() -> None:
    """A mesh can be started again on its port at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = server.accept()
        served.close()  # the server closes first, so its side lingers in TIME_WAIT
        client.close()
    require_free("127.0.0.1", port)


def test_addresses_are_written_as_grpc_reads_them() -> None:
    """IPv6 hosts are bracketed."""
    assert address("127.0.0.1", 1) == "127.0.0.1:1"
    assert address("::1", 1) == "[::1]:1"
