"""Lines into files: whole or not at all, and in order without holding them all.

A file is written beside its place and moved there when it is complete, so that a reader never sees half of
one and an interrupted run leaves what stood there before.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def line(row: Mapping[str, Any]) -> bytes:
    """Write a row as one line of JSON, UTF-8."""
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the context ends well, and vanishes when it does not.

    Something that is not a regular file (a pipe, /dev/stdout) cannot be replaced and is written as it stands.
    Errors: OSError.
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        with place.open("wb") as file:
            yield file
        return
    beside = place.with_name(f".{place.name[:200]}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


class Spool:
    """Lines that come in any order and leave sorted. Only their keys are held; the lines wait in a file.

    The file has no name and lies in `folder`, where there must be room for the result anyway.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._index: list[tuple[tuple[str, ...], int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, key: tuple[str, ...], text: bytes) -> None:
        """Take a line in."""
        self._index.append((key, self._file.tell(), len(text)))
        self._file.write(text)

    def copy_to(self, file: BinaryIO) -> None:
        """Write all lines, sorted by their keys."""
        end = self._file.tell()
        for _, start, length in sorted(self._index):
            self._file.seek(start)
            file.write(self._file.read(length))
        self._file.seek(end)
