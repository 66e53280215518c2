"""What fetching knows of a document: what was wanted, and what arrived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collatio.plugins.sources import Entry, ListingFailure, Stat


@dataclass(frozen=True, slots=True)
class Selected:
    """What of one listing page is to be fetched, in the page's order, and what of it could not be listed."""

    entries: tuple[Entry, ...]
    failures: tuple[ListingFailure, ...]
    next_page_token: str | None
    left_out: int
    """How many entries the globs left out."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A document whose bytes are all written: how many, what they are, and what the source said of them."""

    size_bytes: int
    media_type: str
    stat: Stat
