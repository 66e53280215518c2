"""Turning "module:function" into the function, for preloaded modules only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    Work = Callable[[bytes, Sequence[BinaryIO]], bytes]


def resolve(entry: str, preload: Collection[str]) -> Work:
    """Find the function that an entry names.

    Raises LookupError when its module is not preloaded or has no such public function: a mistake of the
    caller's code, never of a document.
    """
    module_name, _, name = entry.partition(":")
    if module_name not in preload:
        raise LookupError(f"{module_name!r} is not among the preloaded modules")
    found = getattr(importlib.import_module(module_name), name, None)
    if not name.isidentifier() or name.startswith("_") or not callable(found):
        raise LookupError(f"{module_name!r} has no function {name!r}")
    return cast("Work", found)
