"""What is typed becomes the name that gRPC dials."""

from __future__ import annotations

import pytest

from collatio.client.dial import has_choice, parse_targets, resolve


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("localhost:50050", ("localhost:50050",)),
        (" a:1 , b:2,", ("a:1", "b:2")),
        (["a:1", "b:2,c:3"], ("a:1", "b:2", "c:3")),
        ("[::1]:50050", ("[::1]:50050",)),
        ("dns:///mesh.example:443", ("dns:///mesh.example:443",)),
        ("unix:/run/gateway.sock", ("unix:/run/gateway.sock",)),
    ],
)
def test_targets_are_read(typed: str | list[str], read: tuple[str, ...]) -> None:
    """Addresses, lists of them, and one gRPC name."""
    assert parse_targets(typed) == read


@pytest.mark.parametrize(
    "typed", ["", ",", "host", "host:", "host:0", "host:70000", "a b:1", "a:1,dns:///b:2", "::1:5"]
)
def test_wrong_targets_are_refused(typed: str) -> None:
    """An address that cannot be dialled is told before anything is sent."""
    with pytest.raises(ValueError, match=r"HOST:PORT"):
        parse_targets(typed)


async def test_one_name_stays_a_name() -> None:
    """It is resolved again whenever its addresses fail."""
    assert await resolve(("mesh.example:443",)) == "dns:///mesh.example:443"
    assert await resolve(("unix:/run/s",)) == "unix:/run/s"


async def test_several_become_a_list_of_addresses() -> None:
    """Several addresses are one list of one family, each once."""
    assert await resolve(("127.0.0.1:1", "127.0.0.2:2", "127.0.0.1:1")) == "ipv4:127.0.0.1:1,127.0.0.2:2"
    assert await resolve(("[::1]:1", "[::1]:2")) == "ipv6:[::1]:1,[::1]:2"


@pytest.mark.parametrize(
    ("targets", "choice"),
    [
        (("127.0.0.1:1",), False),
        (("[::1]:1",), False),
        (("localhost:1",), False),
        (("mesh.example:1",), True),
        (("127.0.0.1:1", "127.0.0.1:2"), True),
    ],
)
def test_health_decides_only_where_there_is_a_choice(targets: tuple[str, ...], choice: bool) -> None:
    """One address alone is asked directly, so that it can say itself what it lacks."""
    assert has_choice(targets) is choice
