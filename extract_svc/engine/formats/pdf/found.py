"""A table that was found on a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.model import TableCell


@dataclass(slots=True)
class Found:
    """A table on a page: its rows, its box, the words that are in it, and the tables inside its cells."""

    rows: list[list[TableCell]]
    x0: float
    top: float
    x1: float
    bottom: float
    words: set[int]
    nested: list[Found] = field(default_factory=list)

    def within(self) -> Iterator[Found]:
        """Yield the tables in its cells, each before those in its own."""
        for table in self.nested:
            yield table
            yield from table.within()
