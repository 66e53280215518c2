"""The suite for authors of comparators: ours keeps its promises, and broken ones are told which they break."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from collatio.plugins.comparators import Comparison, Document, Options, Place, Similarity
from collatio.plugins.testing.comparators import check_comparator, check_lightness, document
from compare_svc.engine.shipped import words

if TYPE_CHECKING:
    from collections.abc import Callable

OFFER = document("The supplier delivers within 30 days.", "Payment is due at once.", "Nothing else is owed.")
COUNTER = document("The supplier delivers within 45 days.", "Nothing else is owed.", "A copy is kept.")


@dataclass(frozen=True)
class Spoilt:
    """The shipped comparator with one promise broken."""

    spoil: Callable[[Comparison, Document, Document], Comparison]
    name: str = "spoilt"
    version: str = "1"

    def compare(self, left: Document, right: Document, options: Options) -> Comparison:
        """Compare, and spoil what came of it."""
        return self.spoil(words.compare(left, right, options), left, right)


def test_the_shipped_comparator_keeps_its_promises() -> None:
    """It comes through the same door as anyone's."""
    check_comparator(words, pairs={"an offer": (OFFER, COUNTER)})
    check_lightness("compare_svc.engine.shipped:words", heavy=["numpy", "rapidfuzz", "scipy"])


@pytest.mark.parametrize(
    ("promise", "spoil"),
    [
        ("documents that differ have a change", lambda found, _l, _r: replace(found, changes=(), counts=None if found.counts is None else replace(found.counts, changes=0))),
        ("swapping the documents swaps the changes", lambda found, left, _: found if left.document_id != "right" else replace(found, changes=found.changes[::-1][1:] + found.changes[:1] * 2)),
        ("names its two documents in order", lambda found, _l, _r: replace(found, left=found.right, right=found.left)),
        ("a similarity is from 0 to 1", lambda found, _l, _r: replace(found, similarity=Similarity(overall=2.0))),
        ("has no similarity", lambda found, _l, _r: replace(found, similarity=found.similarity or Similarity())),
        ("an index into the blocks", lambda found, _l, _r: replace(found, changes=tuple(replace(change, left=Place(block=99)) for change in found.changes))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_broken_promise_is_named(
    promise: str, spoil: Callable[[Comparison, Document, Document], Comparison]
) -> None:
    """Whoever breaks one reads which, in a sentence."""
    with pytest.raises(AssertionError, match=promise):
        check_comparator(Spoilt(spoil), pairs={"an offer": (OFFER, COUNTER)})
