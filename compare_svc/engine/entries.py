"""What a plan is made of: the manifest's light entries and the plans a caller may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A document of the manifest, without its text.

    `index` is its position in the manifest, `digest` that of its extraction's blob, `character_count` its
    text's length in code points.
    """

    index: int
    document_id: str
    uri: str = ""
    sha256: str = ""
    key: str = ""
    relative_path: str = ""
    baseline: bool = False
    digest: str = ""
    character_count: int = 0
    has_text: bool = True


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Every document with every other, the earlier one left."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The one entry marked as the baseline, left, against each of the others."""


@dataclass(frozen=True, slots=True)
class Explicit:
    """The pairs named, by key or URI.

    `absent` holds names that are known but belong to no entry, since their document failed: their pairs are
    left out and listed in `Plan.skipped`. Any other name without an entry is the caller's fault.
    """

    pairs: tuple[tuple[str, str], ...]
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Matched:
    """Two trees, each the entries of one source's key, paired by relative path."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Versions:
    """Families of versions; its pairs come from `families.find_families` over sketches."""

    threshold: float = 0.4


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Near-duplicates; its pairs come from `candidates.find_near_duplicates` over sketches."""

    threshold: float = 0.8


PlanSpec = AllPairs | Baseline | Explicit | Matched | Versions | NearDuplicates
