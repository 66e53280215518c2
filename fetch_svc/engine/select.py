"""The engine's one entry: choose, from a page of a listing, what is to be fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fetch_svc.engine.model import Selected

if TYPE_CHECKING:
    from collatio.plugins.sources import Listing
    from fetch_svc.engine.globs import Globs


def select(listing: Listing, globs: Globs) -> Selected:
    """Choose the entries of a page that the globs want.

    An entry without a relative path is the very document its source names, and is taken whatever the globs
    say. Failures are kept: what could not be listed could not be matched either.
    """
    entries = tuple(e for e in listing.entries if not e.relative_path or globs.wants(e.relative_path))
    return Selected(
        entries=entries,
        failures=listing.failures,
        next_page_token=listing.next_page_token,
        left_out=len(listing.entries) - len(entries),
    )
