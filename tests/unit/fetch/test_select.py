"""What of a listing is fetched."""

from __future__ import annotations

from collatio.plugins.sources import Entry, Listing, ListingFailure
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.engine.globs import compile_globs
from fetch_svc.engine.select import select


def test_globs_choose_and_failures_stay() -> None:
    """Entries are chosen in order, what could not be listed is kept, and what was left out is counted."""
    failure = ListingFailure("file:///d/closed/", "closed/", CollatioError(Reason.SOURCE_PERMISSION_DENIED))
    entries = (
        Entry("file:///d/a.md", "a.md"),
        Entry("file:///d/b.txt", "b.txt"),
        Entry("file:///d/c.md", "c.md"),
    )
    chosen = select(Listing(entries, "next", (failure,)), compile_globs(["*.md"]))
    assert [entry.relative_path for entry in chosen.entries] == ["a.md", "c.md"]
    assert (chosen.failures, chosen.left_out, chosen.next_page_token) == ((failure,), 1, "next")


def test_a_document_named_by_its_source_is_always_taken() -> None:
    """Globs speak of what a folder holds, not of a document that was asked for by its own URI."""
    listing = Listing((Entry("file:///d/a.md", ""),))
    assert select(listing, compile_globs(["*.docx"], ["*.md"])).entries == listing.entries
