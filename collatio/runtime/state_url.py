"""The address of the state store: one Valkey, or the Sentinels that know which of several is the primary.

`redis[s]://[user:password@]HOST:PORT/DB`, `unix://PATH`, or
`sentinel://[user:password@]HOST:PORT[,HOST:PORT...]/DB?primary=NAME`; `valkey[s]` is another word for `redis[s]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

PORT = 6379
SENTINEL_PORT = 26379
SHAPE = "must look like redis://HOST:PORT/0 (rediss: for TLS), unix:///PATH or sentinel://HOST:PORT,HOST:PORT/0?primary=NAME"
_WORDS = {"valkey": "redis", "valkeys": "rediss"}


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Sentinels to ask, the name of the primary they watch, and how to log in to it."""

    nodes: tuple[tuple[str, int], ...]
    primary: str
    username: str | None
    password: str | None
    db: int

    @property
    def broker_url(self) -> str:
        """The same, as kombu writes it; the primary's name is an option of its transport."""
        names = (quote(self.username or "", safe=""), quote(self.password or "", safe=""))
        login = ":".join(names) + "@" if self.password else ""
        return ";".join(f"sentinel://{login}{_bracketed(host)}:{port}/{self.db}" for host, port in self.nodes)


def parse_state_url(text: str) -> str:
    """Parse the address of a state store; ValueError says what it must look like."""
    parts = urlsplit(text)
    if parts.scheme == "sentinel":
        _sentinels(parts)
    elif parts.scheme == "unix":
        if not parts.path:
            raise ValueError(SHAPE)
    elif parts.scheme not in {"redis", "rediss", *_WORDS} or not parts.hostname:
        raise ValueError(SHAPE)
    word = _WORDS.get(parts.scheme)
    return word + text[len(parts.scheme) :] if word else text


def sentinels_of(url: str) -> Sentinels | None:
    """Return what a Sentinel address says; None for the address of one server."""
    parts = urlsplit(url)
    return _sentinels(parts) if parts.scheme == "sentinel" else None


def _sentinels(parts: SplitResult) -> Sentinels:
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    named = parse_qs(parts.query).get("primary", [])
    db = parts.path.strip("/") or "0"
    if len(named) != 1 or not db.isdigit():
        raise ValueError(SHAPE)
    nodes = tuple(_node(host) for host in hosts.split(","))
    return Sentinels(nodes, named[0], unquote(username) or None, unquote(password) or None, int(db))


def _node(text: str) -> tuple[str, int]:
    node = urlsplit(f"//{text}")
    if not node.hostname:
        raise ValueError(SHAPE)
    return node.hostname, node.port or SENTINEL_PORT


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
