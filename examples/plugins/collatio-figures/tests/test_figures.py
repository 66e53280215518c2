"""The comparator keeps the promises that collatio's suite checks, and sees figures alone."""

from __future__ import annotations

from collatio_figures import Figures

from collatio.plugins.comparators import ChangeKind, Options
from collatio.plugins.testing.comparators import check_comparator, check_lightness, document

OFFER = document("The fee is 1,000.00 EUR a month.", "It falls due after 30 days.", "Call 555.")
COUNTER = document(
    "A fee of 950.00 EUR a month is asked,", "and falls due after 30 days.", "2 copies.", "Call 555."
)


def test_it_keeps_a_comparator_s_promises() -> None:
    """Pairs compare alike every time and from either side, and a document is like its copy."""
    check_comparator(
        Figures(), pairs={"an offer": (OFFER, COUNTER), "strangers": (OFFER, document("In 1999, 7 of 9."))}
    )


def test_its_declaration_is_light() -> None:
    """A server that only names the engine loads nothing that compares."""
    check_lightness("collatio_figures:Figures", heavy=["collatio_figures.aligning"])


def test_figures_are_told_and_words_are_not() -> None:
    """However the sentence around it reads, a figure is the same, one more, one less or another."""
    found = Figures().compare(OFFER, COUNTER, Options())
    told = [(change.kind, change.left_text, change.right_text) for change in found.changes]
    assert told == [(ChangeKind.REPLACED, "1,000.00", "950.00"), (ChangeKind.INSERTED, "", "2")]
    assert found.similarity is not None
    assert found.similarity.overall == 4 / 7
