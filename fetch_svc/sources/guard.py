"""Which hosts may be reached (RELIABILITY section 5, rule 2).

Rules. A name is resolved once; *every* answer must be allowed, and the connection goes to those very answers.
Allowed is what is globally reachable unicast, and what the operator names. Addresses that carry another one
inside (IPv4-mapped, NAT64) are judged by the inner one; tunnels (6to4, Teredo, ISATAP) are refused. An IPv4
address is written as four decimal numbers: the octal, hexadecimal, short and single-number spellings that the
C library accepts are refused as such, whatever they mean.

Known ugliness: `ipaddress` calls multicast and some tunnels global, and its opinion moves between releases of
Python, so IANA's special-purpose registries (RFC 6890) are spelled out here and it may only refuse more.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Protocol

import idna

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Address = IPv4Address | IPv6Address

METADATA_ADDRESSES = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "fd00:ec2::254")
)
"""Where clouds hand out credentials: refused even inside an allowed network, unless named on their own."""

_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_SPECIAL_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214, section 6.1
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_PORT = re.compile(r"(:[0-9]{0,5})?")
_HOST_PORT = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::(\d{1,5}))?")


class Resolver(Protocol):
    """Answers a name with addresses; raises OSError (`socket.gaierror`) when it cannot."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return every address of the name, in the order in which to try them."""


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, in a thread."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def is_public(address: Address) -> bool:
    """Whether an address is globally reachable unicast."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in special for special in _SPECIAL_V4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    tunnelled = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    special = address not in _GLOBAL_UNICAST or any(address in network for network in _SPECIAL_V6)
    return address.is_global and not special and not tunnelled


def refused(host: str) -> CollatioError:
    """Make the error for a host that may not be reached; it does not say which address it has."""
    return CollatioError(
        Reason.URI_NOT_ALLOWED,
        f"{host} is not an address this mesh may reach.",
        metadata={"host": host},
    )


def normal_host(host: str) -> str:
    """Return a URI's host as it is looked up: lower case, IDNA (UTS 46), without brackets or a last dot.

    Raises URI_NOT_ALLOWED for odd spellings of IPv4 addresses and for zones, URI_INVALID for no host at all.
    """
    if host.startswith("[") and host.endswith("]"):
        return _normal_v6(host[1:-1])
    name = host
    if not host.isascii():
        try:
            name = idna.encode(host[:256], uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise _not_a_host() from None
    name = name.lower().removesuffix(".")
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise _not_a_host()
    try:
        packed = socket.inet_aton(name)
    except OSError:
        return name
    if str(IPv4Address(packed)) != name:
        raise refused(name)
    return name


def _normal_v6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise _not_a_host() from None
    if address.scope_id is not None:
        raise refused(str(address))
    return str(address)


def _not_a_host() -> CollatioError:
    return CollatioError(Reason.URI_INVALID, "The URI's host is not a valid name.")


@dataclass(frozen=True, slots=True)
class _Allowed:
    """One entry of the operator's list: a name or a network, on one port or on all."""

    name: str | None
    network: IPv4Network | IPv6Network | None
    port: int | None

    def covers(self, host: str, port: int, address: Address) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is None:
            return self.name == host and address not in METADATA_ADDRESSES
        if address not in self.network:
            return False
        return self.network.num_addresses == 1 or address not in METADATA_ADDRESSES


class HostPolicy:
    """The rule for addresses: public ones, and those of the operator's list.

    `allow_hosts` entries are `name`, `name:port`, `address`, `address:port`, `[v6]:port` or a CIDR network. A
    name is allowed whatever it resolves to; a network is allowed under any name.
    """

    def __init__(self, allow_hosts: Iterable[str] = ()) -> None:
        self._allowed = tuple(_parse_allowed(entry) for entry in allow_hosts)

    def allows(self, host: str, port: int, address: Address) -> bool:
        """Whether a connection to an address, for the sake of a host, may be made."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return is_public(address) or any(entry.covers(host, port, address) for entry in self._allowed)


def split_authority(authority: str, default_port: int) -> tuple[str, int]:
    """Return host (normal) and port of a URI's authority; raises what `normal_host` raises."""
    host, bracket, rest = authority.partition("]") if authority.startswith("[") else (authority, "", "")
    if not bracket:
        host, colon, rest = authority.partition(":")
        rest = colon + rest
    if not _PORT.fullmatch(rest) or int(rest[1:] or default_port) > 65535:
        raise _not_a_host()
    return normal_host(host + bracket), int(rest[1:] or default_port)


def _parse_allowed(entry: str) -> _Allowed:
    try:
        return _Allowed(None, ip_network(entry), None)
    except ValueError:
        match = _HOST_PORT.fullmatch(entry)
    if match is None:
        raise CollatioError(
            Reason.SETTINGS_INVALID, f"allow_hosts: {entry!r} is not a host, address or network."
        )
    host, port = match[1] or match[2], int(match[3]) if match[3] else None
    try:
        return _Allowed(None, ip_network(host), port)
    except ValueError:
        return _Allowed(normal_host(host), None, port)


class Guard:
    """Resolves names once and lets only allowed addresses through."""

    def __init__(self, policy: HostPolicy, resolve: Resolver, *, timeout_s: float) -> None:
        self._policy = policy
        self._resolve = resolve
        self._timeout_s = timeout_s

    async def addresses(self, host: str, port: int) -> tuple[Address, ...]:
        """Return the addresses to connect to, all of them allowed.

        `host` comes from `normal_host`. Raises URI_NOT_ALLOWED when a single one is not, SOURCE_NOT_FOUND for
        a name that does not exist, SOURCE_UNAVAILABLE and SOURCE_TIMEOUT when it cannot be asked for.
        """
        found = tuple(ip_address(text.partition("%")[0]) for text in await self._answers(host, port))
        if not found or not all(self._policy.allows(host, port, address) for address in found):
            raise refused(host)
        return found

    async def _answers(self, host: str, port: int) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass  # a name
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._resolve(host, port)
        except TimeoutError:
            raise CollatioError(Reason.SOURCE_TIMEOUT, f"{host} was not resolved in time.") from None
        except OSError as error:
            gone = error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
            reason = Reason.SOURCE_NOT_FOUND if gone else Reason.SOURCE_UNAVAILABLE
            raise CollatioError(reason, f"The name {host} cannot be resolved.") from None
