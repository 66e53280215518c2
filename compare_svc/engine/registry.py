"""Which comparators there are. Loading it imports declarations and no diff library."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from collatio.runtime.errors import invalid
from compare_svc.engine.shipped import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.metadata import EntryPoint

    from collatio.plugins.comparators import Comparator

GROUP = "collatio.comparators"


class Registry:
    """The installed comparators, by name."""

    def __init__(self, comparators: Iterable[Comparator]) -> None:
        self._by_name = {comparator.name: comparator for comparator in comparators}

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> Registry:
        """Load the comparators announced by entry points; the shipped one is always there."""
        comparators: dict[str, Comparator] = {words.name: words}
        for entry in sorted(entry_points(group=GROUP) if found is None else found, key=lambda e: e.name):
            loaded = entry.load()
            comparator: Comparator = loaded() if isinstance(loaded, type) else loaded
            comparators[comparator.name] = comparator
        return cls(comparators.values())

    def __iter__(self) -> Iterator[Comparator]:
        """Go through them."""
        return iter(self._by_name.values())

    def resolve(self, wanted: Sequence[str]) -> Comparator:
        """Choose the first wanted one, else the shipped one. Errors: INVALID_REQUEST for an unknown name."""
        for name in wanted:
            if name not in self._by_name:
                raise invalid("spec.comparators", f"no comparator {name!r} is installed")
            return self._by_name[name]
        return self._by_name[words.name]


def fingerprint(comparator: Comparator) -> str:
    """Name the comparator and what may change its results, as "name@version"."""
    return f"{comparator.name}@{comparator.version}"
