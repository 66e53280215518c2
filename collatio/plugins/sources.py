"""What a source is: the Protocol a plugin implements to fetch documents from a place of its own.

A source turns a URI of its schemes into listed files and into bytes. The shipped ones (`file`, `http`, `s3`, …)
come through the same door as anyone's: the entry-point group `collatio.sources`, where the entry's *name* is
the scheme and its *object* is a `SourceFactory`. Two schemes that name the same object share one source.

The mesh wraps every source with its limits: a byte cap counted while streaming and idle and total timeouts.
A source need not count, but must not buffer a whole document before its first chunk.

`collatio.plugins.testing.sources.check_source` runs the promises below against your source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from collatio.plugins.guarded_http import GuardedHttp
    from collatio.runtime.errors import CollatioError

ENTRY_POINT_GROUP = "collatio.sources"
PAGE_ENTRIES_MAX = 1000
"""The most entries a page of a listing may hold."""

SettingValue = str | int | float | bool | tuple[str, ...] | None
"""What an operator's setting for a source may be."""

NO_OPTIONS: Mapping[str, object] = MappingProxyType({})
"""The options of a caller that gave none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a listing.

    `uri` opens it again. `relative_path` is for people and globs, never for opening: "/"-separated, valid
    Unicode, empty where the listed URI is itself the document. `size_bytes` and `validator` are `None` where
    listing does not tell them.
    """

    uri: str
    relative_path: str
    size_bytes: int | None = None
    validator: str | None = None


@dataclass(frozen=True, slots=True)
class ListingFailure:
    """A part of a listing that could not be listed, such as a folder without permission; the rest goes on."""

    uri: str
    relative_path: str
    error: CollatioError


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a listing: at most `PAGE_ENTRIES_MAX` entries, in the source's one order.

    A page may be empty and still have a next one. `next_page_token` is `None` on the last page.
    """

    entries: tuple[Entry, ...]
    next_page_token: str | None = None
    failures: tuple[ListingFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Stat:
    """What a source says of a document without its bytes.

    Equal validators promise equal bytes: a device, inode, size and modification time; a strong ETag; a
    version. `None` where the source cannot promise that, and then the document is fetched every time.
    `media_type` is what the source claims; it decides nothing but between kinds of text.
    """

    size_bytes: int | None = None
    validator: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """An open document: the `stat` of the very bytes that `chunks` yields, once, in order."""

    stat: Stat
    chunks: AsyncIterator[bytes]


@runtime_checkable
class Source(Protocol):
    """Lists and opens documents of its schemes.

    Errors are `CollatioError` with a reason a caller can act on: SOURCE_NOT_FOUND, SOURCE_PERMISSION_DENIED,
    SOURCE_CREDENTIALS_MISSING, SOURCE_UNAVAILABLE (with `retry_after_s` where known), SOURCE_TIMEOUT,
    SOURCE_CHANGED, URI_INVALID, URI_NOT_ALLOWED. Anything else counts as a fault of the source. Messages
    hold no credentials and no whole URI. `options` are the caller's own, as they stand in the job; refuse an
    option you do not know (INVALID_REQUEST).

    A source lives in one event loop, and is used by many tasks of it at once.
    """

    @property
    def schemes(self) -> tuple[str, ...]:
        """The URI schemes it serves, in lower case."""

    @property
    def version(self) -> str:
        """The version of its code, for GetCapabilities."""

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List a page of what lies at a URI.

        A URI that names one document yields that document alone, with an empty relative path. The order is
        the same every time, no entry comes twice, and a token works in another process. A folder without a
        document is an empty listing; nothing at the URI is SOURCE_NOT_FOUND.
        """

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Say what is known of one document without reading it."""

    def open(
        self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> AbstractAsyncContextManager[Content]:
        """Open one document; leaving the context releases whatever it holds, however it is left."""

    async def aclose(self) -> None:
        """Let go of connections and the like. Nothing is called afterwards."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source is made from.

    `settings` are the operator's for this scheme. `http` is the only way a source should speak HTTP: it
    reaches public addresses and those the operator allows, and nothing else. `bytes_max` is the byte cap;
    the times are in seconds: to connect, between two chunks, and for one document altogether.
    """

    http: GuardedHttp
    settings: Mapping[str, SettingValue] = field(default_factory=lambda: MappingProxyType({}))
    bytes_max: int = 256 * 1024 * 1024
    connect_timeout_s: float = 10.0
    idle_timeout_s: float = 30.0
    total_timeout_s: float = 300.0


class SourceFactory(Protocol):
    """What an entry point of `collatio.sources` names."""

    def __call__(self, context: SourceContext) -> Source:
        """Make a source. It connects to nothing; raise SETTINGS_INVALID for settings that cannot work."""
