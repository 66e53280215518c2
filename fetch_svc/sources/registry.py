"""The façade: picks the source of a URI's scheme, and loads it when it is first asked for.

Sources are found by the entry points `collatio.sources`, the shipped ones too. Which there are and in which
version is read from package metadata alone, so that a server can say what it serves without loading any.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib import metadata
from typing import TYPE_CHECKING

from collatio.plugins.guarded_http import NO_HEADERS
from collatio.plugins.sources import (
    ENTRY_POINT_GROUP,
    NO_OPTIONS,
    Content,
    Listing,
    SettingValue,
    SourceContext,
    Stat,
)
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.engine.uri import parse
from fetch_svc.sources.held import HeldSource, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from importlib.metadata import EntryPoint

    from collatio.plugins.guarded_http import HttpResponse
    from collatio.plugins.sources import Source, SourceFactory
    from fetch_svc.sources.client import GuardedClient
    from fetch_svc.sources.config import SourceConfig
    from fetch_svc.sources.local_file import LocalFile


def installed() -> Iterable[EntryPoint]:
    """Return the entry points of every installed source."""
    return metadata.entry_points(group=ENTRY_POINT_GROUP)


class LateHttp:
    """The guarded client, made (and its library loaded) at the first request."""

    def __init__(self, config: SourceConfig) -> None:
        self._config = config
        self._client: GuardedClient | None = None

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] = NO_HEADERS, body: bytes | None = None
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Send a request; see `GuardedHttp`."""
        if self._client is None:
            self._client = _client(self._config)
        return self._client.request(method, url, headers=headers, body=body)

    async def aclose(self) -> None:
        """Close the client, if there is one."""
        if self._client is not None:
            await self._client.aclose()


def _client(config: SourceConfig) -> GuardedClient:
    from fetch_svc.sources.client import GuardedClient, HttpLimits  # noqa: PLC0415 - loads the HTTP library
    from fetch_svc.sources.guard import HostPolicy  # noqa: PLC0415 - same

    limits = HttpLimits(
        bytes_max=config.bytes_max,
        connect_timeout_s=config.connect_timeout_s,
        idle_timeout_s=config.idle_timeout_s,
        total_timeout_s=config.total_timeout_s,
        connections_max=config.http_connections_max,
    )
    return GuardedClient(HostPolicy(config.allow_hosts), limits, ca_file=config.ca_file)


class Sources:
    """All sources of a worker. It belongs to one event loop; close it with `aclose`."""

    def __init__(
        self, config: SourceConfig, *, entry_points: Callable[[], Iterable[EntryPoint]] = installed
    ) -> None:
        self._config = config
        self._limits = Limits(config.bytes_max, config.idle_timeout_s, config.total_timeout_s)
        self._http = LateHttp(config)
        self._entries = {point.name: point for point in entry_points() if point.name in config.schemes}
        self._held: dict[str, HeldSource] = {}
        self._raw: dict[str, Source] = {}

    def versions(self) -> dict[str, str]:
        """Return the schemes served here, each with the distribution and version that serves it."""
        return {
            scheme: f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module
            for scheme, point in sorted(self._entries.items())
        }

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List a page of what lies at a URI; see `Source.list`."""
        source, normal = self._source(uri)
        return await source.list(normal, page_token, options=options)

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Say what is known of a document without reading it; see `Source.stat`."""
        source, normal = self._source(uri)
        return await source.stat(normal, options=options)

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Open a document; see `Source.open`. `download.download` also writes it and tells its type."""
        source, normal = self._source(uri)
        async with source.open(normal, options=options) as content:
            yield content

    def open_local(self, uri: str) -> LocalFile | None:
        """Open a file that can be read in place, without the event loop; `None` for any other URI.

        Raises what `FileSource.open_local` raises.
        """
        if not uri.startswith(("/", "file:")) and parse(uri).scheme != "file":
            return None
        if "file" not in self._held:
            self._load("file")
        open_local: Callable[[str], LocalFile] | None = getattr(self._raw["file"], "open_local", None)
        return None if open_local is None else open_local(uri)

    def _source(self, uri: str) -> tuple[HeldSource, str]:
        normal = parse(uri)
        held = self._held.get(normal.scheme)
        if held is None:
            held = self._load(normal.scheme)
        return held, str(normal)

    def _load(self, scheme: str) -> HeldSource:
        point = self._entries.get(scheme)
        if point is None:
            raise CollatioError(
                Reason.URI_SCHEME_UNSUPPORTED,
                f"No source serves {scheme}: here; served are {', '.join(sorted(self._entries)) or 'none'}.",
            )
        for other, held in self._held.items():
            if self._entries[other].value == point.value:
                self._raw[scheme] = self._raw[other]
                return self._held.setdefault(scheme, held)
        factory: SourceFactory = point.load()
        source = factory(self._context(scheme))
        self._raw[scheme] = source
        return self._held.setdefault(scheme, HeldSource(source, self._limits))

    def _context(self, scheme: str) -> SourceContext:
        config = self._config
        return SourceContext(
            http=self._http,
            settings={**_settings(config, scheme), **config.plugins.get(scheme, {})},
            bytes_max=config.bytes_max,
            connect_timeout_s=config.connect_timeout_s,
            idle_timeout_s=config.idle_timeout_s,
            total_timeout_s=config.total_timeout_s,
        )

    async def aclose(self) -> None:
        """Close every source that was loaded."""
        for held in dict.fromkeys(self._held.values()):
            await held.aclose()
        await self._http.aclose()


def _settings(config: SourceConfig, scheme: str) -> Mapping[str, SettingValue]:
    """Return the shipped sources' settings, under the names their factories document."""
    wait = config.credentials_timeout_s
    shipped: dict[str, dict[str, SettingValue]] = {
        "file": {"roots": config.roots},
        "s3": {
            "endpoint": config.s3_endpoint,
            "region": config.s3_region,
            "anonymous": config.s3_anonymous,
            "credentials_timeout_s": wait,
        },
        "az": {
            "endpoint": config.az_endpoint,
            "account": config.az_account,
            "anonymous": config.az_anonymous,
            "credentials_timeout_s": wait,
        },
        "gs": {
            "endpoint": config.gs_endpoint,
            "anonymous": config.gs_anonymous,
            "credentials_timeout_s": wait,
        },
    }
    return shipped.get(scheme, {})
