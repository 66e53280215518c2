"""Families of versions: who belongs together, in which order, on what evidence."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from compare_svc.engine.dating import find_date, find_version
from compare_svc.engine.families import find_families
from compare_svc.engine.model import Block, BlockKind, Document, Metadata
from compare_svc.engine.sketch import find_title, sketch_batch, title_words


def _words(seed: int, count: int = 200) -> list[str]:
    draw = random.Random(seed)
    return [f"w{draw.randrange(2_000)}" for _ in range(count)]


def _edited(words: list[str], share: float, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [f"e{draw.randrange(9_999)}" if draw.random() < share else word for word in words]


def _document(name: str, title: str, words: list[str], head: str = "") -> Document:
    return Document(name, blocks=(Block(title, BlockKind.HEADING, 1), Block(head), Block(" ".join(words))))


def _orders(*documents: Document) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    found = find_families(list(sketch_batch(documents)), 0.4, 10_000)
    return [(family.document_ids, family.evidence) for family in found.families]


def test_versions_are_ordered_by_their_numbers() -> None:
    """1.10 comes after 1.9, whatever the order they came in."""
    text = _words(1)
    documents = [
        _document(v, f"Supply Agreement {v}", _edited(text, 0.02, at))
        for at, v in enumerate(("v1.10", "v1.2", "v1.9"))
    ]
    assert _orders(*documents) == [(("v1.2", "v1.9", "v1.10"), ("version", "version"))]


def test_versions_are_ordered_by_their_dates() -> None:
    """A date the text introduces as its own orders it, though the text was all but rewritten."""
    text = _words(2)
    old = _document("old", "Privacy Policy", text, "Effective date: 3 May 2019")
    new = _document("new", "Privacy Policy", _edited(text, 0.2, 9), "Last updated: January 7, 2023")
    assert _orders(new, old) == [(("old", "new"), ("date",))]


def test_a_due_date_says_nothing_of_a_document_s_age() -> None:
    """The day something is due comes before the day of the document in the text, and does not count for it."""
    due = "Milestone\tDue date\nFirst depot\t31 January 2025"
    assert find_date(f"{due}\n\nDate: 6 January 2025", Metadata()) == "2025-01-06"


def test_without_evidence_likeness_orders_and_growth_directs() -> None:
    """A chain of edits is walked from the short end to the long one, and says that it rests on likeness."""
    chain = [_words(3)]
    for at in range(4):
        chain.append([*_edited(chain[-1], 0.02, at), *_words(50 + at, 12)])
    documents = [_document(str(at), "House Rules", words) for at, words in enumerate(chain)]
    (family,) = _orders(*(documents[at] for at in (3, 0, 4, 1, 2)))
    assert family == (("0", "1", "2", "3", "4"), ("similarity",) * 4)


def test_strangers_with_one_title_are_no_family() -> None:
    """A title alone is not enough."""
    assert (
        _orders(_document("a", "Terms of Service", _words(4)), _document("b", "Terms of Service", _words(5)))
        == []
    )


def test_parallel_documents_stay_apart() -> None:
    """Two documents that share most of their text but lived on under titles of their own are two families."""
    text = _words(6)
    documents = [
        _document(
            f"{kind}{year}", f"{kind} Terms of Service", _edited(text, 0.04, at), f"Effective: {year}-05-03"
        )
        for at, (kind, year) in enumerate(
            (kind, year) for kind in ("General", "Corporate") for year in (2018, 2019, 2020)
        )
    ]
    assert sorted(order[0] for order in _orders(*documents)) == [
        ("Corporate2018", "Corporate2019", "Corporate2020"),
        ("General2018", "General2019", "General2020"),
    ]


def test_neighbours_are_given_as_pairs_to_diff() -> None:
    """Each step of an order is a pair of positions, older first."""
    text = _words(7)
    documents = [_document(str(at), f"Plan v{3 - at}", _edited(text, 0.02, at)) for at in range(3)]
    found = find_families(list(sketch_batch(documents)), 0.4, 100)
    assert found.pairs == ((2, 1), (1, 0))
    assert found.method == "exact"


@pytest.mark.parametrize(
    ("head", "date"),
    [
        ("Signed 1 January 2001.\n\nLast updated: May 3, 2026", "2026-05-03"),
        ("Version 2, June 1991", "1991-06"),
        ("Nothing here", "2020-01-02T00:00:00+00:00"),
    ],
)
def test_a_date_is_read_from_where_it_says_most(head: str, date: str) -> None:
    """Introduced dates first, then what stands near the top, then the metadata."""
    assert find_date(head, Metadata(modify_time=datetime(2020, 1, 2, tzinfo=UTC))) == date


@pytest.mark.parametrize(
    ("head", "title", "version"),
    [
        ("LPPL Version 1.3c 2008", "", ((1, ""), (3, "c"))),
        ("", "Open Licence v2.0", ((2, ""), (0, ""))),
        ("", "Attribution 4.0 International", ((4, ""), (0, ""))),
        ("---\nversions:\n  version: 9\n---\nNo number", "", ()),
        ("version 2026-05-03", "", ()),
    ],
)
def test_a_version_number_is_read_near_the_top(head: str, title: str, version: object) -> None:
    """Numbers with their letters; front matter and dates are no version."""
    assert find_version(head, title) == version


def test_a_title_is_found_where_documents_keep_it() -> None:
    """Stated title, front matter, first heading, first line; a file's name is none."""
    body = (Block("intro"), Block("The Heading", BlockKind.HEADING, 1))
    assert find_title(Document("a", blocks=body, metadata=Metadata(title="Stated"))) == "Stated"
    assert find_title(Document("a", blocks=body, metadata=Metadata(title="scan0001.pdf"))) == "The Heading"
    assert find_title(Document("a", blocks=(Block("---\ntitle: 'From Front'\n---"),))) == "From Front"
    assert find_title(Document("a", blocks=(Block("====\nFirst line\nmore"),))) == "First line"
    assert title_words("The Open Licence, Version 2.0 (draft)") == ("licence", "open")
