"""Show the same lines again and again: in place on a terminal, one under another elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO


class Refreshing:
    """Write blocks of lines to `stream`; `in_place`: it is a terminal that can move its cursor.

    In place, lines are cut to `columns`, since a wrapped line would spoil the count of lines to go up. A blank
    line parts blocks that stand one under another.
    """

    def __init__(self, stream: TextIO, *, in_place: bool, columns: int) -> None:
        self._stream = stream
        self._in_place = in_place
        self._columns = columns
        self._shown: int | None = None

    def show(self, lines: Sequence[str]) -> None:
        """Show the lines in place of, or under, those shown before."""
        if self._in_place:
            lines = [line[: self._columns] for line in lines]
            up = f"\x1b[{self._shown}A\x1b[J" if self._shown else ""
        else:
            up = "\n" if self._shown is not None else ""
        self._stream.write(up + "".join(f"{line}\n" for line in lines))
        self._stream.flush()
        self._shown = len(lines)
