"""What does not count because a caller's pattern matches it.

Patterns are a caller's and texts are foreign, so they run on RE2, whose time is linear in the text: none can be made
that takes a comparison for ever. A match without length matches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATTERNS_MAX = 50
LENGTH_MAX = 1_000
PROGRAM_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    expression: Any

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Give the begin and end of each match, in order, in code points."""
        return (
            span for span in (match.span() for match in self.expression.finditer(text)) if span[0] < span[1]
        )

    def without(self, text: str) -> str:
        """Give a text with a space in place of each match."""
        parts, done = [], 0
        for begin, end in self.spans(text):
            parts.append(text[done:begin])
            done = end
        return " ".join([*parts, text[done:]]) if parts else text


def counted(text: str, patterns: Sequence[Pattern]) -> str:
    """Take out of a text what does not count."""
    for pattern in patterns:
        text = pattern.without(text)
    return text


@lru_cache(maxsize=16)
def compile_patterns(patterns: tuple[str, ...]) -> tuple[Pattern, ...]:
    """Compile patterns in RE2's syntax.

    Errors: INVALID_REQUEST for a pattern that RE2 does not take, for one too long, and for too many.
    """
    if not patterns:
        return ()
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no stubs; few jobs have patterns

    if len(patterns) > PATTERNS_MAX:
        raise invalid("ignore.patterns", f"at most {PATTERNS_MAX} patterns")
    options = re2.Options()
    options.max_mem = PROGRAM_BYTES_MAX
    options.log_errors = False
    compiled = []
    for number, pattern in enumerate(patterns):
        field = f"ignore.patterns[{number}]"
        if len(pattern) > LENGTH_MAX:
            raise invalid(field, f"at most {LENGTH_MAX} characters")
        try:
            compiled.append(Pattern(re2.compile(pattern, options)))
        except re2.error:
            raise invalid(field, "is not a regular expression in RE2 syntax") from None
    return tuple(compiled)
