"""Find the caller's own files: what is uploaded when the mesh cannot read them where they lie.

Links inside a folder are not followed, as the mesh does not follow them either; a link that is named is.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from collatio.cli.globs import chooser
from collatio.cli.output.documents import Failure, LocalFailure
from collatio.runtime.errors import CATALOGUE, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collatio.cli.order import Input

_PATH_SAFE = "/:@!$&'()*+,;=~"  # RFC 3986, section 3.3: the mesh's own spelling of a path


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to upload. `name` is what its owner would call it: as typed, and the path below that."""

    path: Path
    name: str
    relative_path: str


@dataclass(slots=True)
class Found:
    """Files found, in order, and what could not be read."""

    files: list[LocalFile] = field(default_factory=list)
    failures: list[LocalFailure] = field(default_factory=list)


def file_uri(path: Path) -> str:
    """Write an absolute path as a `file:` URI; a folder's ends in a slash."""
    slash = "/" if os.path.isdir(path) and str(path) != "/" else ""  # noqa: PTH112 - never raises
    return "file://" + quote_from_bytes(os.fsencode(path), safe=_PATH_SAFE) + slash


def find_files(one: Input, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Found:
    """Find the files of one path that was named: itself, or those of the folder that the globs want.

    Errors: ValueError for a path-less input or a glob that names nothing.
    """
    if one.path is None:
        raise ValueError(f"{one.text} is not a path")
    found, path, name = Found(), one.path, os.path.normpath(one.text)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        found.failures.append(local_failure(name, error))
        return found
    if stat.S_ISREG(mode):
        found.files.append(LocalFile(path, name, ""))
    elif stat.S_ISDIR(mode):
        _walk(path, name, chooser(include, exclude), found)
    else:
        found.failures.append(_failure(name, Reason.SOURCE_NOT_A_FILE))
    return found


def local_failure(name: str, error: OSError) -> LocalFailure:
    """Say why a path of the caller's could not be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _failure(name, Reason.SOURCE_NOT_FOUND)
    if isinstance(error, PermissionError):
        return _failure(name, Reason.SOURCE_PERMISSION_DENIED)
    return _failure(name, Reason.SOURCE_UNAVAILABLE)


def _failure(name: str, reason: Reason) -> LocalFailure:
    entry = CATALOGUE[reason]
    return LocalFailure(name, Failure(str(reason), entry.meaning, "fetch", entry.retryable))


def _walk(top: Path, name: str, wants: Callable[[str], bool], found: Found) -> None:
    def unlistable(error: OSError) -> None:
        below = os.path.relpath(error.filename, top)
        found.failures.append(local_failure(os.path.normpath(os.path.join(name, below)), error))  # noqa: PTH118 - text as typed

    for folder, folders, files in os.walk(top, onerror=unlistable):
        folders.sort()
        for each in sorted(files):
            path = Path(folder, each)
            relative = path.relative_to(top).as_posix()
            if wants(relative) and stat.S_ISREG(path.lstat().st_mode):
                found.files.append(LocalFile(path, f"{name.rstrip('/')}/{relative}", relative))
