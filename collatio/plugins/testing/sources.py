"""For authors of sources: a source in memory, an HTTP client that answers from a table, and a suite.

    async def test_my_source_keeps_its_promises() -> None:
        source = make(SourceContext(http=TableHttp({...})))
        await check_source(source, folder="mine:box/", files={"mine:box/a.txt": b"…"}, missing="mine:box/no")

The suite needs no test framework: it raises AssertionError with the promise that was broken.
"""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from collatio.plugins.guarded_http import NO_HEADERS, HttpResponse
from collatio.plugins.sources import NO_OPTIONS, PAGE_ENTRIES_MAX, Content, Entry, Listing, Source, Stat
from collatio.runtime.errors import CollatioError, Reason, invalid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_PAGES_MAX = 10_000


class MemorySource:
    """A source of documents in memory, by URI; a URI that ends in "/" is a folder.

    `page_entries` keeps pages small, so that paging is seen. `failures` raises an error where a URI is opened.
    """

    version = "1"

    def __init__(
        self,
        files: Mapping[str, bytes],
        *,
        scheme: str = "memory",
        page_entries: int = PAGE_ENTRIES_MAX,
        failures: Mapping[str, CollatioError] | None = None,
    ) -> None:
        self.schemes = (scheme,)
        self.files = dict(files)
        self.closed = False
        self._page_entries = page_entries
        self._failures = dict(failures or {})

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List a document alone, or a folder's in the order of their URIs; the token is the last URI."""
        _refuse(options)
        if uri in self.files or uri in self._failures:
            return Listing((self._entry(uri, ""),))
        folder = uri if uri.endswith("/") else uri + "/"
        beneath = sorted(name for name in {**self.files, **self._failures} if name.startswith(folder))
        if not beneath:
            raise CollatioError(Reason.SOURCE_NOT_FOUND)
        left = [name for name in beneath if page_token is None or name > page_token]
        page = left[: self._page_entries]
        entries = tuple(self._entry(name, name.removeprefix(folder)) for name in page)
        return Listing(entries, page[-1] if len(left) > len(page) else None)

    def _entry(self, uri: str, relative_path: str) -> Entry:
        if uri not in self.files:
            return Entry(uri, relative_path)
        stat = self._stat(uri)
        return Entry(uri, relative_path, stat.size_bytes, stat.validator)

    def _stat(self, uri: str) -> Stat:
        if uri in self._failures:
            raise self._failures[uri]
        if uri not in self.files:
            raise CollatioError(Reason.SOURCE_NOT_FOUND)
        data = self.files[uri]
        return Stat(len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Say a document's size and digest."""
        _refuse(options)
        return self._stat(uri)

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Open a document; it comes in chunks of 64 KiB."""
        _refuse(options)
        stat = self._stat(uri)
        yield Content(stat, _chunks(self.files[uri]))

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class TableHttp:
    """A `GuardedHttp` that answers from a table of (status, headers, body) by URL, and 404 for the rest."""

    def __init__(self, answers: Mapping[str, tuple[int, Mapping[str, str], bytes]]) -> None:
        self._answers = dict(answers)
        self.asked: list[tuple[str, str]] = []

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,  # noqa: ARG002 - a table does not read them
        body: bytes | None = None,  # noqa: ARG002 - same
    ) -> AsyncIterator[HttpResponse]:
        """Answer, and remember method and URL in `asked`."""
        self.asked.append((method, url))
        status, answered, data = self._answers.get(url, (404, NO_HEADERS, b""))
        yield HttpResponse(status, url, answered, _chunks(b"" if method == "HEAD" else data))


async def check_source(source: Source, *, folder: str, files: Mapping[str, bytes], missing: str) -> None:
    """Check a source's promises against what is known to lie in `folder`.

    `files` are the bytes of every document beneath it, by URI as the source lists it; `missing` is a URI at
    which there is nothing. Raises AssertionError that names the broken promise.
    """
    _expect(isinstance(source, Source), "it has every member of the Protocol")
    _expect(bool(source.schemes) and all(s == s.lower() for s in source.schemes), "schemes are in lower case")
    listed = await _walk(source, folder)
    _expect(
        [entry.uri for entry in listed] == [e.uri for e in await _walk(source, folder)], "order is stable"
    )
    _expect(sorted(entry.uri for entry in listed) == sorted(files), "a folder lists every file, once")
    _expect(all(entry.relative_path for entry in listed), "files of a folder have a relative path")
    for entry in listed:
        await _check_document(source, entry, files[entry.uri])
    await _check_missing(source, missing)


async def _walk(source: Source, folder: str) -> list[Entry]:
    entries: list[Entry] = []
    token: str | None = None
    for _ in range(_PAGES_MAX):
        page = await source.list(folder, token)
        _expect(len(page.entries) <= PAGE_ENTRIES_MAX, f"a page has at most {PAGE_ENTRIES_MAX} entries")
        entries.extend(page.entries)
        token = page.next_page_token
        if token is None:
            return entries
    raise AssertionError("A source's promise is broken: a listing ends.")


async def _check_document(source: Source, entry: Entry, data: bytes) -> None:
    alone = await source.list(entry.uri)
    _expect([e.uri for e in alone.entries] == [entry.uri], "a document's URI lists the document alone")
    _expect(alone.entries[0].relative_path == "", "a document listed by its own URI has no relative path")
    _expect(entry.size_bytes in {None, len(data)}, "a listed size is the size")
    for _ in range(2):
        async with source.open(entry.uri) as content:
            _expect(b"".join([chunk async for chunk in content.chunks]) == data, "open yields the bytes")
        _expect(content.stat.size_bytes in {None, len(data)}, "an opened document's size is the size")
    stat = await source.stat(entry.uri)
    _expect(stat.size_bytes in {None, len(data)}, "a stat's size is the size")
    _expect(stat.validator == content.stat.validator, "stat and open agree on the validator")
    async with source.open(entry.uri):
        pass  # leaving before reading must not fail


async def _check_missing(source: Source, missing: str) -> None:
    for attempt in (_open_missing, _stat_missing):
        try:
            await attempt(source, missing)
        except CollatioError as error:
            _expect(error.reason is Reason.SOURCE_NOT_FOUND, "nothing at a URI is SOURCE_NOT_FOUND")
        else:
            _expect(holds=False, promise="nothing at a URI is an error")


async def _open_missing(source: Source, uri: str) -> None:
    async with source.open(uri):
        pass


async def _stat_missing(source: Source, uri: str) -> None:
    await source.stat(uri)


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


def _expect(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"A source's promise is broken: {promise}.")


def _refuse(options: Mapping[str, object]) -> None:
    if options:
        raise invalid("plugin_options", "this source takes no options")
