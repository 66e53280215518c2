"""Choose files of a folder that is about to be uploaded, by the rules the mesh itself keeps for listings.

`*`, `?` and `[…]` never cross a "/"; `**` stands for any number of whole folders; a glob without a "/" is
matched against the name in any folder; one that ends in "/" means everything beneath that folder; a "/" in
front ties it to the top. Case counts, hidden files count, exclude wins. (fetch states the same rules for the
mesh; the two are not one code because a client must not need a service to be installed.)
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Segment = re.Pattern[str] | None


def chooser(include: Sequence[str], exclude: Sequence[str]) -> Callable[[str], bool]:
    """Make the test of a path relative to the folder, "/"-separated.

    Errors: ValueError for a glob that names nothing.
    """
    wanted, unwanted = [_compiled(each) for each in include], [_compiled(each) for each in exclude]

    def wants(relative_path: str) -> bool:
        names = relative_path.split("/")
        if wanted and not any(_matches(each, names) for each in wanted):
            return False
        return not any(_matches(each, names) for each in unwanted)

    return wants


def _compiled(pattern: str) -> list[Segment]:
    parts = [each for each in pattern.split("/") if each not in {"", "."}]
    if not parts:
        raise ValueError(f"{pattern!r} is not a glob")
    if "/" not in pattern.rstrip("/"):
        parts.insert(0, "**")
    if pattern.endswith("/"):
        parts.append("**")
    if parts[-1] == "**":
        parts.append("*")  # "drafts/**" is what lies beneath drafts, not a file of that name
    return [None if part == "**" else re.compile(fnmatch.translate(part)) for part in parts]


def _matches(segments: list[Segment], names: list[str]) -> bool:
    if not segments:
        return not names
    first, rest = segments[0], segments[1:]
    if first is None:
        return any(_matches(rest, names[skipped:]) for skipped in range(len(names) + 1))
    return bool(names) and first.match(names[0]) is not None and _matches(rest, names[1:])
