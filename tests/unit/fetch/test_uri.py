"""URIs are read, normalised and shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.engine.uri import displayed, name_of, parse, redact, with_path


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("/data/a b.txt", "file:///data/a%20b.txt"),
        ("/data/100%.txt", "file:///data/100%25.txt"),
        ("/data//x/./y/", "file:///data/x/y"),
        ("file:/data/a", "file:///data/a"),
        ("file://localhost/data/a", "file:///data/a"),
        ("FILE:///data/%61%2d%20b", "file:///data/a-%20b"),
        ("file:///data/\u00e9", "file:///data/%C3%A9"),
        ("file:///data/%ff", "file:///data/%FF"),
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("https://example.com:443/a?b=c#d", "https://example.com/a?b=c"),
        ("https://example.com/a%2fb c?x=%2f\u00e9", "https://example.com/a%2Fb%20c?x=%2f%C3%A9"),
        ("s3://acme/Reports/Q1 2024.pdf", "s3://acme/Reports/Q1%202024.pdf"),
        ("gs://acme", "gs://acme"),
        ("mine:box/1", "mine:box/1"),
    ],
)
def test_a_uri_has_one_spelling(written: str, normal: str) -> None:
    """Different spellings of one URI become the same, and the result stays as it is."""
    assert str(parse(written)) == normal
    assert str(parse(normal)) == normal


@pytest.mark.parametrize(
    "written",
    [
        "",
        "relative/path",
        "file:relative",
        "file://server/share",
        "file:///a?b",
        "file:///a#b",
        "s3:///key",
        "s3://acme/a?endpoint=http://169.254.169.254",
        "s3://acme:9000/a",
        "http:///path",
        "http://example.com/%zz",
        "http://exa\nmple.com/",
        "http://example.com\\@127.0.0.1/",
        " http://example.com/",
        "/data/\x00",
        "file:///\ud800",
        "http://example.com/" + "a" * 4096,
    ],
)
def test_a_uri_that_cannot_be_read_says_so(written: str) -> None:
    """What is no URI, or hides something, is URI_INVALID."""
    with pytest.raises(CollatioError) as caught:
        parse(written)
    assert caught.value.reason is Reason.URI_INVALID


@pytest.mark.parametrize("scheme", ["http", "https", "s3", "az", "gs", "file", "mine"])
def test_credentials_in_a_uri_are_refused(scheme: str) -> None:
    """A user name or password in a URI is refused and not repeated in the message."""
    with pytest.raises(CollatioError) as caught:
        parse(f"{scheme}://canary-user:canary-pass@host/x")
    assert caught.value.reason is Reason.URI_NOT_ALLOWED
    assert "canary" not in str(caught.value)


def test_names_that_are_not_utf8_survive() -> None:
    """A path of any bytes round-trips through its URI, as `Path.as_uri` writes it."""
    raw = b"/data/caf\xe9 \xff#?%.txt"
    uri = parse(Path(os.fsdecode(raw)).as_uri())
    assert uri.path_bytes == raw
    assert parse(str(uri)).path_bytes == raw
    assert parse(os.fsdecode(raw)).path_bytes == raw


def test_names_are_shown_as_valid_unicode() -> None:
    """What is not UTF-8 is shown by its bytes, never as a lone surrogate."""
    assert displayed(b"caf\xe9") == "caf\\xe9"
    assert name_of("file:///data/caf%E9.md") == "caf\\xe9.md"
    assert name_of("not a uri") == ""


def test_joining_keeps_the_place() -> None:
    """Another path at the same place is encoded, and the query is left behind."""
    assert str(with_path(parse("s3://acme/a"), b"/a/b #1")) == "s3://acme/a/b%20%231"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("s3://acme/canary/key", "s3://acme/~"),
        ("https://example.com/x?token=canary", "https://example.com/~"),
        ("/home/canary", "file:///~"),
        ("mine:canary", "mine:~"),
        ("https://canary:canary@example.com/", "invalid:~"),
        ("canary", "invalid:~"),
        ("\ud800canary", "invalid:~"),
    ],
)
def test_redaction_shows_scheme_and_host_alone(written: str, shown: str) -> None:
    """A redacted URI has nothing of path, query or credentials, and equal URIs look equal."""
    assert redact(written).startswith(shown)
    assert "canary" not in redact(written)
    assert redact(written) == redact(written) != redact(written + "x")
