"""Compiles the patterns whose matches do not count."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from collatio.runtime.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

PATTERNS_MAX = 50
_NOT_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!]|P=|\()|(?<!\\)(?:\\\\)*\\[1-9]|[*+?}]\+")
"""Lookaround, atomic groups, backreferences, conditions, possessive repeats: RE2 has none of them."""


def compile_patterns(patterns: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    """Compile patterns in RE2's syntax.

    Errors: INVALID_REQUEST for a pattern that does not compile or uses what RE2 lacks, and for too many.
    """
    if len(patterns) > PATTERNS_MAX:
        raise invalid("ignore.patterns", f"at most {PATTERNS_MAX} patterns")
    compiled = []
    for number, pattern in enumerate(patterns):
        if _NOT_RE2.search(pattern):
            raise invalid(f"ignore.patterns[{number}]", "uses a construct that RE2 syntax does not have")
        try:
            compiled.append(re.compile(pattern))
        except re.error:
            raise invalid(f"ignore.patterns[{number}]", "is not a regular expression") from None
    return tuple(compiled)
