"""What may be told of an unexpected exception: its type and where it was, never its text."""

from __future__ import annotations

import traceback


def type_name(error: BaseException) -> str:
    """Name an exception's type with its module."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def locations(error: BaseException) -> list[str]:
    """List `module:line function` from the outermost frame inwards; no path tells of the machine."""
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_qualname}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
