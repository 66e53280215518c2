"""Which files of a listing are wanted: include and exclude globs on the relative path.

Rules. A path's segments are matched one by one, so `*`, `?` and `[…]` never cross a "/"; `**` stands for any
number of whole segments, none included. A pattern without a "/" is matched against the file's name in any
folder; one that ends in "/" means everything beneath that folder; a "/" in front ties a pattern to the top.
Case counts. Hidden files are files like others. Exclude wins over include.

Theory. Segments are compiled by `fnmatch`, whose expressions do not backtrack past a `*`; segments themselves
are matched with one point of return (the last `**`), so the worst case is the product of the lengths.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from collatio.runtime.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATTERNS_MAX = 100
PATTERN_CHARS_MAX = 1024

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Globs:
    """Compiled include and exclude globs; make them with `compile_globs`."""

    include: tuple[Callable[[str], bool], ...]
    exclude: tuple[Callable[[str], bool], ...]

    def wants(self, relative_path: str) -> bool:
        """Whether a file is wanted: it matches an include glob, or there are none, and no exclude glob."""
        if self.include and not any(match(relative_path) for match in self.include):
            return False
        return not any(match(relative_path) for match in self.exclude)


def compile_globs(include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Globs:
    """Compile globs.

    Raises INVALID_REQUEST, naming the field, for more than `PATTERNS_MAX` globs a list, an empty glob or one
    that is longer than `PATTERN_CHARS_MAX`.
    """
    return Globs(_compile_list("include", include), _compile_list("exclude", exclude))


def _compile_list(field: str, patterns: Sequence[str]) -> tuple[Callable[[str], bool], ...]:
    if len(patterns) > PATTERNS_MAX:
        raise invalid(field, f"at most {PATTERNS_MAX} globs")
    for index, pattern in enumerate(patterns):
        if not pattern.strip("/") or len(pattern) > PATTERN_CHARS_MAX:
            raise invalid(f"{field}[{index}]", f"a glob has 1 to {PATTERN_CHARS_MAX} characters")
    return tuple(_compile(pattern) for pattern in patterns)


def _compile(pattern: str) -> Callable[[str], bool]:
    if "/" not in pattern:
        return partial(_name_matches, _segment(pattern))
    if pattern.endswith("/"):
        pattern = pattern if "/" in pattern[:-1] else "**/" + pattern
        pattern += "**/*"
    segments: list[Callable[[str], object] | None] = []
    for part in pattern.strip("/").split("/"):
        if part == "**":
            if not segments or segments[-1] is not None:
                segments.append(None)
        elif part not in {"", "."}:
            segments.append(_segment(part))
    if segments[-1] is None:
        segments.append(_anything)  # "drafts/**" is what lies beneath drafts, not a file of that name
    if len(segments) == 2 and segments[0] is None and segments[1] is not None:
        return partial(_name_matches, segments[1])
    return partial(_path_matches, tuple(segments))


def _segment(part: str) -> Callable[[str], object]:
    if not _MAGIC.search(part):
        return part.__eq__
    if part[0] == "*" and not _MAGIC.search(part[1:]):
        return partial(_ends, part[1:])
    return re.compile(fnmatch.translate(part)).match


def _anything(_: str) -> bool:
    return True


def _ends(suffix: str, name: str) -> bool:
    return name.endswith(suffix)


def _name_matches(segment: Callable[[str], object], path: str) -> bool:
    return bool(segment(path.rpartition("/")[2]))


def _path_matches(segments: tuple[Callable[[str], object] | None, ...], path: str) -> bool:
    names = path.split("/")
    at = position = 0
    retry_at = retry_position = -1
    while position < len(names):
        if at < len(segments):
            segment = segments[at]
            if segment is None:
                at, retry_at, retry_position = at + 1, at + 1, position
                continue
            if segment(names[position]):
                at, position = at + 1, position + 1
                continue
        if retry_at < 0:
            return False
        retry_position += 1
        at, position = retry_at, retry_position
    return all(segment is None for segment in segments[at:])
