"""Which hosts may be reached."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.guard import (
    METADATA_ADDRESSES,
    Guard,
    HostPolicy,
    is_public,
    normal_host,
    split_authority,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "192.0.0.9", "192.88.99.1", "100.64.0.1", "100.100.100.200", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1",
        "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "3fff::1",
        "2002:7f00:1::", "2002:808:808::1", "2001:0:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808", "100::1", "2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:808:808",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """Private, shared, local, reserved and multicast addresses, and those hidden in others, are not public."""
    assert not is_public(ip_address(address))
    assert not HostPolicy().allows("name", 80, ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_is_allowed(address: str) -> None:
    """Global unicast is public, also written into IPv6 or behind NAT64."""
    assert HostPolicy().allows("name", 443, ip_address(address))


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "allowed"),
    [
        ("127.0.0.1:81", "x", 81, "127.0.0.1", True),
        ("127.0.0.1:81", "x", 82, "127.0.0.1", False),
        ("127.0.0.1:81", "x", 81, "127.0.0.2", False),
        ("127.0.0.1:81", "x", 81, "::ffff:127.0.0.1", True),
        ("127.0.0.1", "x", 82, "127.0.0.1", True),
        ("[::1]:81", "x", 81, "::1", True),
        ("::1", "x", 81, "::1", True),
        ("10.0.0.0/8", "x", 80, "10.9.9.9", True),
        ("10.0.0.0/8", "x", 80, "172.16.0.1", False),
        ("10.0.0.0/8", "x", 80, "192.168.0.1", False),
        ("fd00::/8", "x", 80, "fd00::7", True),
        ("wiki.corp", "wiki.corp", 80, "10.0.0.1", True),
        ("Wiki.Corp:443", "wiki.corp", 443, "10.0.0.1", True),
        ("wiki.corp:443", "wiki.corp", 80, "10.0.0.1", False),
        ("wiki.corp", "wiki.corp.evil.test", 80, "10.0.0.1", False),
    ],
)
def test_the_operator_may_allow_more(entry: str, host: str, port: int, address: str, allowed: bool) -> None:
    """A host, an address, a port of it or a network can be allowed, and nothing beside it."""
    assert HostPolicy([entry]).allows(host, port, ip_address(address)) is allowed


@pytest.mark.parametrize("address", sorted(METADATA_ADDRESSES, key=str))
def test_metadata_services_must_be_named_on_their_own(address: object) -> None:
    """An allowed network or name does not cover the place where clouds hand out credentials."""
    metadata = ip_address(str(address))
    for entry in ("169.254.0.0/16", "0.0.0.0/0", "::/0", "100.64.0.0/10", "wiki.corp"):
        assert not HostPolicy([entry]).allows("wiki.corp", 80, metadata)
    assert HostPolicy([str(address)]).allows("wiki.corp", 80, metadata)


@pytest.mark.parametrize("entry", ["", "a b", "10.0.0.0/99", "http://x", "x:y", "[::1"])
def test_an_entry_that_cannot_be_read_is_a_fault_of_the_settings(entry: str) -> None:
    """A misspelt allow-list stops the program instead of allowing something else."""
    with pytest.raises(CollatioError) as caught:
        HostPolicy([entry])
    assert caught.value.reason in {Reason.SETTINGS_INVALID, Reason.URI_INVALID}


@pytest.mark.parametrize(
    ("authority", "host", "port"),
    [
        ("Example.COM", "example.com", 80),
        ("example.com.:8080", "example.com", 8080),
        ("b\u00fccher.example", "xn--bcher-kva.example", 80),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1", 80),
        ("127\u30020\u30020\u30021", "127.0.0.1", 80),
        ("[::1]:81", "::1", 81),
        ("[0:0::1]", "::1", 80),
        ("[::ffff:127.0.0.1]:80", "::ffff:7f00:1", 80),
    ],
)
def test_a_host_has_one_spelling(authority: str, host: str, port: int) -> None:
    """Case, dots, scripts and zeros are settled before anything is judged."""
    assert split_authority(authority, 80) == (host, port)


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "017700000001", "0", "[fe80::1%25eth0]",
     "[fe80::1%eth0]"],
)  # fmt: skip
def test_odd_spellings_of_addresses_are_refused_as_such(host: str) -> None:
    """Decimal, octal, hexadecimal and short IPv4 addresses, and zones, are URI_NOT_ALLOWED."""
    with pytest.raises(CollatioError) as caught:
        normal_host(host)
    assert caught.value.reason is Reason.URI_NOT_ALLOWED


@pytest.mark.parametrize(
    "authority",
    ["", "a b", "a%41.com", "a..b", "-a.com", "[::1", "[x]", "a:b", "a:1:2", "a:99999", "x" * 300, "\u2603" * 300,
     "[::1]x", "exa\u00admple\ud800"],
)  # fmt: skip
def test_what_is_no_host_is_invalid(authority: str) -> None:
    """A host that cannot be looked up is URI_INVALID."""
    with pytest.raises(CollatioError) as caught:
        split_authority(authority, 80)
    assert caught.value.reason is Reason.URI_INVALID


async def test_every_answer_must_be_allowed() -> None:
    """One private address among public ones refuses the name."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(CollatioError) as caught:
        await Guard(HostPolicy(), resolve, timeout_s=1).addresses("example.com", 80)
    assert caught.value.reason is Reason.URI_NOT_ALLOWED


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), Reason.SOURCE_NOT_FOUND),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Reason.SOURCE_UNAVAILABLE),
    ],
)
async def test_a_name_that_does_not_resolve_says_whether_to_try_again(error: OSError, reason: Reason) -> None:
    """A name that does not exist is not found; a resolver that fails is unavailable."""

    async def resolve(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(CollatioError) as caught:
        await Guard(HostPolicy(), resolve, timeout_s=1).addresses("example.com", 80)
    assert caught.value.reason is reason


async def test_no_answer_at_all_is_refused_and_silence_times_out() -> None:
    """An empty answer allows nothing, and a resolver that hangs is SOURCE_TIMEOUT."""

    async def empty(host: str, port: int) -> list[str]:
        return []

    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    for resolve, reason in ((empty, Reason.URI_NOT_ALLOWED), (silent, Reason.SOURCE_TIMEOUT)):
        with pytest.raises(CollatioError) as caught:
            await Guard(HostPolicy(), resolve, timeout_s=0.01).addresses("example.com", 80)
        assert caught.value.reason is reason
