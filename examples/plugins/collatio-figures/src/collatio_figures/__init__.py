"""A comparator that looks at figures alone: whoever checks prices does not read the words again.

The declaration is light; `aligning` does the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collatio.plugins.comparators import Comparison, Document, Options


class Figures:
    """What the entry point names. Raise `version` with every change of results: old ones are then not reused."""

    name = "figures"
    version = "1"

    def compare(self, left: Document, right: Document, options: Options) -> Comparison:
        """Compare the figures of two documents, in reading order."""
        from collatio_figures.aligning import compare  # noqa: PLC0415 - servers load this class and never compare

        return compare(left, right, options)
