"""Marks for what went and came, as word diffs write them, with colour on top where it is wanted.

The marks stay beside the colours: they survive a copy, a screen reader and an eye that cannot tell red from green.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# What drives a terminal or forges the order of text: controls, direction overrides, lone surrogates. Joiners,
# direction marks and odd spaces are part of how a script is written, and stay.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_RED, _GREEN, _CYAN, _MAGENTA, _BOLD = "31", "32", "36", "35", "1"


@dataclass(frozen=True, slots=True)
class Paint:
    """Write text with marks; `colour`: with colours too."""

    colour: bool

    def deleted(self, text: str) -> str:
        """Mark what stands on the left alone."""
        return self._paint(f"[-{safe(text)}-]", _RED)

    def inserted(self, text: str) -> str:
        """Mark what stands on the right alone."""
        return self._paint(f"{{+{safe(text)}+}}", _GREEN)

    def moved(self, text: str) -> str:
        """Mark what stands elsewhere on the left."""
        return self._paint(f"{{>{safe(text)}<}}", _MAGENTA)

    def place(self, text: str) -> str:
        """Mark where something is."""
        return self._paint(safe(text), _CYAN)

    def heading(self, text: str) -> str:
        """Mark a heading."""
        return self._paint(safe(text), _BOLD)

    def _paint(self, text: str, code: str) -> str:
        """Colour each line by itself: pagers forget colours at a line's end."""
        if not self.colour:
            return text
        return "\n".join(f"\x1b[{code}m{line}\x1b[m" if line else "" for line in text.split("\n"))


def safe(text: str) -> str:
    """Make a document's text harmless on a terminal; line ends become line feeds."""
    return _UNSAFE.sub(
        lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"),
        _LINE_ENDS.sub("\n", text),
    )
