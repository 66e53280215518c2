"""List a folder, all the way down, a page at a time.

Rules. The order is that of the relative paths as bytes, which walking gives for free when a folder sorts as its
name with a "/" behind it. The page token is the last path given: any process goes on from it, files that come
and go in between are neither given twice nor keep others from being given. Links are passed over, and so is
whatever is neither file nor folder; hidden files are files. A folder that may not be read is a failure beside
the others.

Known ugliness: going on in one very big folder means reading its names again. The names of the last big folder
are therefore kept as long as its modification time stands.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.plugins.sources import Entry, ListingFailure
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.engine.uri import Uri, displayed, with_path
from fetch_svc.sources.beneath import FOLDER_FLAGS
from fetch_svc.sources.local_file import stat_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEPTH_MAX = 128
BIG_FOLDER_NAMES = 2000


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or a folder that could not be listed, and the token that goes on after it."""

    token: bytes
    item: Entry | ListingFailure


@dataclass(frozen=True, slots=True)
class _Names:
    identity: tuple[int, int, int]
    names: list[bytes]


class FolderWalk:
    """Walks folders. Blocking: call it from a thread."""

    def __init__(self, *, is_kernel_files: Callable[[int], bool], now_ns: Callable[[], int]) -> None:
        self._is_kernel_files = is_kernel_files
        self._now_ns = now_ns
        self._last_big: _Names | None = None

    def walk(self, folder: int, uri: Uri, after: bytes | None) -> Iterator[Found]:
        """Yield what lies beneath an open folder, in order, behind the token `after`."""
        yield from self._walk(folder, uri, b"", after, DEPTH_MAX)

    def _walk(self, folder: int, uri: Uri, prefix: bytes, after: bytes | None, depth: int) -> Iterator[Found]:
        head, inside, rest = (after or b"").partition(b"/")
        resume = head + inside
        for key in self._names(folder):
            if after is not None and (key < resume or (key == resume and not rest)):
                continue
            path = prefix + key
            if key.endswith(b"/"):
                deeper = rest if after is not None and key == resume else None
                yield from self._enter(folder, uri, path, deeper, depth)
            else:
                entry = self._entry(folder, uri, path, key)
                if entry is not None:
                    yield Found(path, entry)

    def _names(self, folder: int) -> list[bytes]:
        """Return the names of files and folders, folders with a "/" behind, sorted."""
        status = os.fstat(folder)
        identity = (status.st_dev, status.st_ino, status.st_mtime_ns)
        known = self._last_big
        if known is not None and known.identity == identity:
            return known.names
        names = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    names.append(os.fsencode(entry.name) + b"/")
                elif entry.is_file(follow_symlinks=False):
                    names.append(os.fsencode(entry.name))
        names.sort()
        if len(names) >= BIG_FOLDER_NAMES:
            self._last_big = _Names(identity, names)
        return names

    def _enter(self, folder: int, uri: Uri, path: bytes, after: bytes | None, depth: int) -> Iterator[Found]:
        name = path.rstrip(b"/").rpartition(b"/")[2]
        try:
            inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:  # gone, or a link by now
                yield _failure(uri, path, folder_error(error))
            return
        try:
            if self._is_kernel_files(inner):
                return
            if depth == 0:
                deep = CollatioError(
                    Reason.NESTING_LIMIT, f"The folder nests deeper than {DEPTH_MAX} levels."
                )
                yield _failure(uri, path, deep)
                return
            yield from self._walk(inner, uri, path, after, depth - 1)
        except OSError as error:
            yield _failure(uri, path, folder_error(error))
        finally:
            os.close(inner)

    def _entry(self, folder: int, uri: Uri, path: bytes, name: bytes) -> Entry | None:
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None  # gone since its name was read
        if not stat.S_ISREG(status.st_mode):
            return None
        known = stat_of(status, self._now_ns())
        return Entry(_beneath(uri, path), displayed(path), known.size_bytes, known.validator)


def folder_error(error: OSError) -> CollatioError:
    """Translate why a folder could not be listed."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        return CollatioError(Reason.SOURCE_PERMISSION_DENIED, "The folder may not be read.")
    return CollatioError(Reason.SOURCE_UNAVAILABLE, "The folder could not be read.")


def _beneath(uri: Uri, path: bytes) -> str:
    return str(with_path(uri, uri.path_bytes.rstrip(b"/") + b"/" + path))


def _failure(uri: Uri, path: bytes, error: CollatioError) -> Found:
    return Found(path, ListingFailure(_beneath(uri, path), displayed(path), error))
