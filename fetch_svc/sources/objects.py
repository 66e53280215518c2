"""`s3:`, `az:` and `gs:` URIs: objects and prefixes, through obstore.

Rules. A URI names an object, or else the prefix of that name and all beneath it. Keys come in the store's own
order, which is that of their bytes; a page token is the last key given. Endpoint and credentials are the
operator's. Folder markers (empty objects whose key ends in "/") are no documents.

Known ugliness: obstore reads keys as paths. One key with an empty or dotted segment ("a//b") stops the listing
there, which is told as a failure beside what was found before; a folder marker is shown without its slash, so
empty objects are asked for once more. Azure has no way to start in the middle: its later pages are read from
the start again.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import obstore

from collatio.plugins.sources import (
    NO_OPTIONS,
    PAGE_ENTRIES_MAX,
    Content,
    Entry,
    Listing,
    ListingFailure,
    Stat,
)
from collatio.runtime.errors import CollatioError, Reason, invalid
from fetch_svc.engine.uri import Uri, parse, with_path
from fetch_svc.sources.object_errors import STORE_ERRORS, translate
from fetch_svc.sources.object_stores import Buckets, settings_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from obstore import ObjectMeta

    from collatio.plugins.sources import SourceContext
    from fetch_svc.sources.object_stores import Store

CHUNK_BYTES = 1024 * 1024


def make_s3(context: SourceContext) -> ObjectSource:
    """Make the source of `s3:` URIs; settings: endpoint, region, anonymous, credentials_timeout_s."""
    return ObjectSource("s3", Buckets("s3", settings_from(context)), bytes_max=context.bytes_max)


def make_az(context: SourceContext) -> ObjectSource:
    """Make the source of `az:` URIs; settings: account, endpoint, anonymous, credentials_timeout_s."""
    return ObjectSource("az", Buckets("az", settings_from(context)), bytes_max=context.bytes_max)


def make_gs(context: SourceContext) -> ObjectSource:
    """Make the source of `gs:` URIs; settings: endpoint, anonymous, credentials_timeout_s."""
    return ObjectSource("gs", Buckets("gs", settings_from(context)), bytes_max=context.bytes_max)


class ObjectSource:
    """Reads from one kind of object store."""

    version = "1"

    def __init__(
        self, scheme: str, buckets: Buckets, *, bytes_max: int, page_entries: int = PAGE_ENTRIES_MAX
    ) -> None:
        self.schemes = (scheme,)
        self._buckets = buckets
        self._bytes_max = bytes_max
        self._page_entries = page_entries

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List an object or a prefix."""
        place, bucket, key = _split(uri, options)
        store = await self._buckets.store(bucket)
        if page_token is None and key and not place.path.endswith("/"):
            try:
                stat = _stat_of(await self._head(store, bucket, key))
                return Listing((Entry(str(place), "", stat.size_bytes, stat.validator),))
            except CollatioError as error:
                if error.reason is not Reason.SOURCE_NOT_FOUND:
                    raise
        after = None if page_token is None else unquote(page_token)
        found, failures = await self._page(store, place, key, after)
        if not found and not failures and key and page_token is None:
            raise CollatioError(Reason.SOURCE_NOT_FOUND)
        entries = [await self._entry(store, place, key, meta) for meta in found]
        token = quote(found[-1]["path"]) if len(found) == self._page_entries and not failures else None
        return Listing(tuple(entry for entry in entries if entry is not None), token, failures)

    async def _page(
        self, store: Store, place: Uri, prefix: str, after: str | None
    ) -> tuple[Sequence[ObjectMeta], tuple[ListingFailure, ...]]:
        stream = obstore.list(store, prefix or None, offset=after, chunk_size=self._page_entries)
        try:
            return await self._buckets.reach(place.authority or "", _first(stream)), ()
        except CollatioError as error:
            if error.reason is not Reason.URI_INVALID:
                raise
            return (), (ListingFailure(str(place), "", error),)

    async def _entry(self, store: Store, place: Uri, prefix: str, meta: ObjectMeta) -> Entry | None:
        key = meta["path"]
        uri = with_path(place, b"/" + key.encode())
        if meta["size"] == 0:
            try:
                await self._head(store, place.authority or "", key)
            except CollatioError as error:
                if error.reason is Reason.SOURCE_NOT_FOUND:
                    return None  # a folder marker, shown without its slash
                raise
        stat = _stat_of(meta)
        return Entry(str(uri), key.removeprefix(prefix).lstrip("/"), stat.size_bytes, stat.validator)

    async def _head(self, store: Store, bucket: str, key: str) -> ObjectMeta:
        return await self._buckets.reach(bucket, obstore.head_async(store, key))

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Ask for an object's size and ETag."""
        _, bucket, key = _split(uri, options)
        return _stat_of(await self._head(await self._buckets.store(bucket), bucket, key))

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Get an object."""
        place, bucket, key = _split(uri, options)
        store = await self._buckets.store(bucket)
        got = await self._buckets.reach(bucket, obstore.get_async(store, key))
        if got.meta["size"] > self._bytes_max:
            raise CollatioError(Reason.SOURCE_TOO_LARGE)
        yield Content(_stat_of(got.meta), _chunks(got.stream(CHUNK_BYTES), place.scheme, bucket))

    async def aclose(self) -> None:
        """Leave connections to the stores' own idle timeout."""


async def _first(pages: AsyncIterator[Sequence[ObjectMeta]]) -> Sequence[ObjectMeta]:
    async for page in pages:
        return page
    return ()


async def _chunks(stream: AsyncIterator[bytes], scheme: str, bucket: str) -> AsyncIterator[bytes]:
    try:
        async for chunk in stream:
            yield bytes(chunk)
    except STORE_ERRORS as error:
        raise translate(error, scheme, bucket) from None


def _split(uri: str, options: Mapping[str, object]) -> tuple[Uri, str, str]:
    """Return a URI with its bucket and its key (without the slashes around it)."""
    if options:
        raise invalid("plugin_options", "object-store sources take no options")
    place = parse(uri)
    try:
        key = place.path_bytes.decode().strip("/")
    except UnicodeDecodeError:
        raise CollatioError(Reason.URI_INVALID, "An object's key is UTF-8.") from None
    return place, place.authority or "", key


def _stat_of(meta: ObjectMeta) -> Stat:
    marks = (("etag", meta["e_tag"]), ("version", meta["version"]))
    validator = " ".join(f"{name}:{mark}" for name, mark in marks if mark)
    return Stat(size_bytes=meta["size"], validator=validator or None)
