"""The shipped comparator, as the `collatio.comparators` entry point names it: light until it compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compare_svc.engine.versioning import NAME, VERSION

if TYPE_CHECKING:
    from compare_svc.engine.model import Comparison, Document, Options


@dataclass(frozen=True, slots=True)
class WordsComparator:
    """Compares documents word by word; implements `collatio.plugins.comparators.Comparator`."""

    name: str = NAME
    version: str = VERSION

    def compare(self, left: Document, right: Document, options: Options) -> Comparison:
        """Compare two documents; see `compare_svc.engine.compare.compare`."""
        from compare_svc.engine.compare import compare  # noqa: PLC0415 - loads numpy and rapidfuzz

        return compare(left, right, options)


words = WordsComparator()
"""What the entry point names: `words = "compare_svc.engine.shipped:words"`. It holds no state."""
