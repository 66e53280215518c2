"""Where the parts of a document are read from: a zip package, one that a password opened, or a flat XML document."""

from __future__ import annotations

from typing import Protocol


class Parts(Protocol):
    """Parts by name."""

    def __contains__(self, name: str) -> bool: ...

    def names(self) -> list[str]:
        """Name the parts, in the archive's order where there is one."""
        ...

    def read(self, name: str) -> bytes:
        """Read a part; an absent one is empty."""
        ...
