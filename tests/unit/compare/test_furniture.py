"""Page furniture: told by kind, by repetition at the pages' edges, and by being a page number."""

from __future__ import annotations

from compare_svc.engine.furniture import find_furniture
from compare_svc.engine.model import Block, BlockKind


def test_what_repeats_at_the_edges_of_pages_is_furniture() -> None:
    """The same line, digits aside, on three pages' edges is furniture; content between is not."""
    blocks = []
    for page in (1, 2, 3):
        blocks += [
            Block("ACME Confidential", page=page),
            Block(f"Content of its own on page {'abc'[page - 1]}, first part", page=page),
            Block(f"More content {'xyz'[page - 1]}", page=page),
            Block(f"Still more {'uvw'[page - 1]}", page=page),
            Block(f"- {page} -", page=page),
        ]
    assert find_furniture(blocks) == {0, 4, 5, 9, 10, 14}


def test_the_extractors_word_counts() -> None:
    """A block that the extractor calls a running head is one, pages or not."""
    assert find_furniture([Block("Head", BlockKind.HEADER), Block("Text")]) == {0}


def test_without_pages_nothing_is_guessed() -> None:
    """A lone number in a text without pages is content; so is a page's only block."""
    assert find_furniture([Block("1"), Block("2"), Block("3")]) == frozenset()
    assert find_furniture([Block("7", page=1)]) == frozenset()
