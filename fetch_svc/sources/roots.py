"""Which paths `file:` URIs may name, decided before the file system is asked anything.

A root may be a link itself: it is resolved once, here, and both spellings are accepted afterwards. Everything
below a root is opened without following links (`beneath.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Root:
    """A folder or file that may be read: as configured, and with its links resolved."""

    shown: bytes
    real: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A path beneath a root; `remainder` is relative, without "..", and empty for the root itself."""

    root: Root
    remainder: bytes


def outside() -> CollatioError:
    """Make the error for a path that may not be read; the same whether or not anything is there."""
    return CollatioError(Reason.PATH_OUTSIDE_ROOT)


class Roots:
    """The configured roots."""

    def __init__(self, paths: Iterable[str]) -> None:
        roots = []
        for path in paths:
            if not path.startswith("/") or "\x00" in path:
                raise CollatioError(Reason.SETTINGS_INVALID, "A root of file: URIs must be an absolute path.")
            shown = os.fsencode(os.path.normpath(path))
            roots.append(Root(shown, os.path.realpath(shown)))
        self._roots = sorted(roots, key=lambda root: len(root.shown), reverse=True)

    def place(self, path: bytes) -> Place:
        """Find the root that a path lies beneath, the innermost first.

        Raises PATH_OUTSIDE_ROOT for any other path, and for one with ".." or a NUL in it.
        """
        if b"\x00" in path or b".." in path.split(b"/"):
            raise outside()
        for root in self._roots:
            for prefix in (root.shown, root.real):
                if path == prefix:
                    return Place(root, b"")
                if path.startswith(prefix.rstrip(b"/") + b"/"):
                    return Place(root, path[len(prefix.rstrip(b"/")) + 1 :])
        raise outside()
