"""Addresses of the state store, in each of their forms."""

from __future__ import annotations

import pytest

from collatio.runtime.state_url import Sentinels, parse_state_url, sentinels_of


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("redis://localhost", "redis://localhost"),
        ("rediss://user:p%40ss@host:7000/3", "rediss://user:p%40ss@host:7000/3"),
        ("valkey://host:1/2", "redis://host:1/2"),
        ("valkeys://host:1/2", "rediss://host:1/2"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("sentinel://a,b:2/0?primary=main", "sentinel://a,b:2/0?primary=main"),
    ],
)
def test_an_address_is_taken(text: str, parsed: str) -> None:
    """What the clients know stays as it is; Valkey's own words become theirs."""
    assert parse_state_url(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "localhost:6379",
        "http://localhost",
        "redis:///0",
        "unix://",
        "sentinel://a:1/0",
        "sentinel://a:1/0?primary=",
        "sentinel://a:1/0?primary=one&primary=two",
        "sentinel://a:1,,b:2/0?primary=main",
        "sentinel://a:1,b:x/0?primary=main",
        "sentinel://a:1/zero?primary=main",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With a word on what one looks like."""
    with pytest.raises(ValueError, match=r"redis://HOST:PORT/0|Port"):
        parse_state_url(text)


def test_sentinels_are_told_apart() -> None:
    """Each with its port, and one login for the servers they watch."""
    found = sentinels_of("sentinel://me:p%40ss@a,[::1]:2/3?primary=main")
    assert found == Sentinels((("a", 26379), ("::1", 2)), "main", "me", "p@ss", 3)
    assert found.broker_url == "sentinel://me:p%40ss@a:26379/3;sentinel://me:p%40ss@[::1]:2/3"
    assert sentinels_of("redis://localhost") is None


def test_a_login_may_be_a_password_alone() -> None:
    """As Redis's own addresses have it."""
    found = sentinels_of("sentinel://:secret@a:1/0?primary=main")
    assert found is not None
    assert (found.username, found.password, found.broker_url) == (None, "secret", "sentinel://:secret@a:1/0")
