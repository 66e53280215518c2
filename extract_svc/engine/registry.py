"""Which extractors there are and which one reads a document.

Loading the registry imports declarations and no parser library, so a server can name the engine that a step
would run (`fingerprint`) without the weight of running it.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.shipped import EXTRACTORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.metadata import EntryPoint

    from extract_svc.engine.model import Extractor, Recognition

GROUP = "collatio.extractors"
PLAIN = "text/plain"
HEAD_BYTES = 512
_UNDECIDED = frozenset((
    "", PLAIN, "application/octet-stream", "application/zip", "application/x-ole-storage", "application/xml",
    "application/json", "application/x-ndjson", "text/csv", "text/tab-separated-values"
))  # fmt: skip


class Registry:
    """The installed extractors, by media type, best first."""

    def __init__(self, extractors: Iterable[Extractor]) -> None:
        self._by_name = {extractor.name: extractor for extractor in extractors}
        self._by_type: dict[str, list[Extractor]] = {}
        for extractor in sorted(self._by_name.values(), key=lambda one: (-one.priority, one.name)):
            for media_type in () if extractor.needs_network else extractor.media_types:
                self._by_type.setdefault(media_type, []).append(extractor)
        self._recognitions: list[Recognition] = [
            each for one in self._by_name.values() for each in getattr(one, "recognitions", ())
        ]

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> Registry:
        """Load every extractor announced under the entry point group `collatio.extractors`.

        An entry point names an extractor, a class of one, or a tuple of extractors. The shipped ones are
        there too when collatio runs from a clone that is not installed.
        """
        extractors: dict[str, Extractor] = {one.name: one for one in EXTRACTORS}
        for entry in sorted(entry_points(group=GROUP) if found is None else found, key=lambda one: one.name):
            loaded = entry.load()
            for one in loaded if isinstance(loaded, tuple) else (loaded,):
                extractor: Extractor = one() if isinstance(one, type) else one
                extractors[extractor.name] = extractor
        return cls(extractors.values())

    def __iter__(self) -> Iterator[Extractor]:
        return iter(self._by_name.values())

    def media_types(self) -> list[str]:
        """Every media type that can be read, sorted."""
        return sorted(self._by_type)

    def find(self, name: str) -> Extractor | None:
        """Answer the extractor of this name."""
        return self._by_name.get(name)

    def may_know_better(self, media_type: str) -> bool:
        """Tell whether an extractor may know a document whose content says no more than this media type."""
        return bool(self._recognitions) and media_type in _UNDECIDED

    def recognise(self, head: bytes, name: str, media_type: str) -> str:
        """Answer the media type that an extractor knows a document by, else the one given.

        `head` are its first `HEAD_BYTES`.
        """
        if not self.may_know_better(media_type):
            return media_type
        lower = name.lower()
        for each in self._recognitions:
            if each.starts and head.startswith(each.starts):
                return each.media_type
        for each in self._recognitions:
            if not each.starts and each.suffix and lower.endswith(each.suffix):
                return each.media_type
        return media_type

    def resolve(self, media_type: str, wanted: Sequence[str] = ()) -> Extractor:
        """Choose the extractor: the first wanted one that reads the type, else the best for it.

        A kind of text that nobody reads better is read as plain text.

        Errors: CollatioError FORMAT_UNSUPPORTED.
        """
        able = self._by_type.get(media_type, ())
        for name in wanted:
            for extractor in able:
                if extractor.name == name:
                    return extractor
        if able:
            return able[0]
        if media_type.startswith("text/") and media_type != PLAIN:
            return self.resolve(PLAIN, wanted)
        raise CollatioError(
            Reason.FORMAT_UNSUPPORTED, f"No extractor reads {media_type}.", metadata={"mediaType": media_type}
        )


def fingerprint(extractor: Extractor) -> str:
    """Name the engine and what may change its results, as "name@version"."""
    return f"{extractor.name}@{extractor.version}"
