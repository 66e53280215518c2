"""Which paths a sandbox may read: what Python modules that load late need, and fonts.

A loose folder on the import path (a clone's root, the folder a program was started in) may hold anything, a
data folder too: only the packages and modules in it are readable, not the folder.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/X11/fonts",
    "/usr/share/fontconfig",
    "/etc/fonts",
    "/var/cache/fontconfig",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/etc/mime.types",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
)
_SITE = ("site-packages", "dist-packages")


def readable_paths(extra: Iterable[str]) -> list[str]:
    """List files and folders that may be read with all that is in them; `extra` is an operator's choice."""
    paths = sysconfig.get_paths()
    homes = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    found = [*_SYSTEM, *homes, str(Path(sys.base_prefix) / "lib"), *extra]
    for entry in sys.path:
        place = Path(entry)
        if place.name in _SITE or _is_file(place):
            found.append(entry)
        elif not any(place.is_relative_to(home) for home in homes):
            found.extend(_importable(place))
    return list(dict.fromkeys(found))


def _importable(folder: Path) -> Iterator[str]:
    try:
        children = list(folder.iterdir())
    except OSError:
        return  # what we may not list, a sandbox need not read
    for child in children:
        if (child.suffix in {".py", ".so", ".pyc"} and _is_file(child)) or _is_file(child / "__init__.py"):
            yield str(child)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder of somebody else's
        return False
