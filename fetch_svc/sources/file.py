"""`file:` URIs: regular files and folders beneath the configured roots.

What is refused and how: a path outside every root, with "..", over a link or into the kernel's own file
systems is PATH_OUTSIDE_ROOT, whether or not anything is there; a pipe, socket or device beneath a root is
SOURCE_NOT_A_FILE; the rest is what the file system says.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes

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
from collatio.runtime.threads import to_end
from fetch_svc.engine.uri import Uri, parse
from fetch_svc.sources.beneath import KernelFiles, Opener, best_opener, open_place
from fetch_svc.sources.folder import FolderWalk, Found, folder_error
from fetch_svc.sources.local_file import CHUNK_BYTES, LocalFile, stat_of
from fetch_svc.sources.roots import Roots, outside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from collatio.plugins.sources import SourceContext

_REASONS = {
    errno.ELOOP: Reason.PATH_OUTSIDE_ROOT,
    errno.EXDEV: Reason.PATH_OUTSIDE_ROOT,
    errno.ENOENT: Reason.SOURCE_NOT_FOUND,
    errno.ENOTDIR: Reason.SOURCE_NOT_FOUND,
    errno.ENAMETOOLONG: Reason.SOURCE_NOT_FOUND,
    errno.EACCES: Reason.SOURCE_PERMISSION_DENIED,
    errno.EPERM: Reason.SOURCE_PERMISSION_DENIED,
    errno.ENXIO: Reason.SOURCE_NOT_A_FILE,
    errno.ENODEV: Reason.SOURCE_NOT_A_FILE,
}


def make(context: SourceContext) -> FileSource:
    """Make the source from the operator's settings; `roots` is a tuple of absolute paths."""
    roots = context.settings.get("roots", ())
    if not isinstance(roots, tuple):
        raise CollatioError(Reason.SETTINGS_INVALID, "The roots of file: URIs must be a list of paths.")
    return FileSource(Roots(roots), bytes_max=context.bytes_max)


class FileSource:
    """Reads local files in place."""

    schemes = ("file",)
    version = "1"

    def __init__(
        self,
        roots: Roots,
        *,
        bytes_max: int,
        opener: Opener | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._roots = roots
        self._bytes_max = bytes_max
        self._opener = opener or best_opener()
        self._now_ns = now_ns
        self._is_kernel_files = KernelFiles()
        self._folders = FolderWalk(is_kernel_files=self._is_kernel_files, now_ns=now_ns)

    def open_local(self, uri: str) -> LocalFile:
        """Open a file for reading in place, in a few microseconds and without the event loop.

        Raises PATH_OUTSIDE_ROOT, SOURCE_NOT_FOUND, SOURCE_PERMISSION_DENIED, SOURCE_NOT_A_FILE and
        SOURCE_TOO_LARGE.
        """
        descriptor = self._open(parse(uri))
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size <= self._bytes_max:
            return LocalFile(descriptor, status, stat_of(status, self._now_ns()))
        os.close(descriptor)
        regular = stat.S_ISREG(status.st_mode)
        raise CollatioError(Reason.SOURCE_TOO_LARGE if regular else Reason.SOURCE_NOT_A_FILE)

    def _open(self, uri: Uri) -> int:
        place = self._roots.place(uri.path_bytes)
        try:
            descriptor = open_place(place.root.real, place.remainder, self._opener)
        except OSError as error:
            raise CollatioError(_REASONS.get(error.errno or 0, Reason.SOURCE_UNAVAILABLE)) from None
        if self._is_kernel_files(descriptor):
            os.close(descriptor)
            raise outside()
        return descriptor

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List a file or a folder; reading folders happens in a thread."""
        _refuse_options(options)
        return await asyncio.to_thread(self._list, parse(uri), page_token)

    def _list(self, uri: Uri, page_token: str | None) -> Listing:
        with self._opened(uri) as descriptor:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                known = stat_of(status, self._now_ns())
                return Listing((Entry(str(uri), "", known.size_bytes, known.validator),))
            if not stat.S_ISDIR(status.st_mode):
                raise CollatioError(Reason.SOURCE_NOT_A_FILE)
            after = None if page_token is None else unquote_to_bytes(page_token)
            try:
                return _page(self._folders.walk(descriptor, uri, after))
            except OSError as error:
                raise folder_error(error) from None

    @contextmanager
    def _opened(self, uri: Uri) -> Iterator[int]:
        descriptor = self._open(uri)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Say size and validator of a file."""
        _refuse_options(options)
        with self.open_local(uri) as file:
            return file.stat

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Open a file. A small one is read at once, a bigger one chunk by chunk in a thread."""
        _refuse_options(options)
        with self.open_local(uri) as file:
            yield Content(file.stat, _chunks(file))

    async def aclose(self) -> None:
        """Nothing is held between calls."""


async def _chunks(file: LocalFile) -> AsyncIterator[bytes]:
    chunks = file.chunks()
    if file.size_bytes <= CHUNK_BYTES:
        for chunk in chunks:
            yield chunk
        return
    while chunk := await to_end(next, chunks, b""):
        yield chunk


def _page(found: Iterator[Found]) -> Listing:
    page: list[Found] = []
    for one in found:
        if len(page) == PAGE_ENTRIES_MAX:
            return _listing(page, quote_from_bytes(page[-1].token))
        page.append(one)
    return _listing(page, None)


def _listing(page: list[Found], token: str | None) -> Listing:
    entries = tuple(one.item for one in page if isinstance(one.item, Entry))
    failures = tuple(one.item for one in page if isinstance(one.item, ListingFailure))
    return Listing(entries, token, failures)


def _refuse_options(options: Mapping[str, object]) -> None:
    if options:
        raise invalid("plugin_options", "file: sources take no options")
