"""The Lua sources, put together: prelude, TAKE's functions, one transition."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def source(name: str) -> str:
    """Return a transition's whole script."""
    folder = resources.files("collatio.runtime.ledger") / "lua"
    return "\n".join(
        (folder / f"{part}.lua").read_text("utf-8") for part in ("prelude", "take_function", name)
    )
