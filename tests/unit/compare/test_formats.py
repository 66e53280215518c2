"""One text in two formats: however each reads it, what is unmarked is what was edited, word by word."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from compare_svc.engine.compare import compare
from compare_svc.engine.model import Block, BlockKind, Change, Document, Options, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Cell = list[str]
Rows = list[list[Cell]]
Content = tuple[list[Cell], Rows]
"""Paragraphs, then a table's rows of cells; each a list of words, and every word stands once."""

BULLET = "\u2022 "


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Draw paragraphs and a table, no word twice."""
    numbers = iter(range(1_000))

    def cell(least: int = 1) -> Cell:
        return [f"word{next(numbers)}" for _ in range(draw(st.integers(least, 4)))]

    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    paragraphs = [cell(2) for _ in range(draw(st.integers(0, 3)))]
    return paragraphs, [[cell() for _ in range(columns)] for _ in range(rows)]


def as_written(content: Content) -> Document:
    """Read it as the format that knows its structure does."""
    paragraphs, rows = content
    return document("application/written", paragraphs, [[" ".join(cell) for cell in row] for row in rows])


def with_bullets(content: Content) -> Document:
    """Read cells as a printed page shows them: with list markers, and with words on lines of their own."""
    paragraphs, rows = content
    return document(
        "application/printed", paragraphs, [[BULLET + "\n".join(cell) for cell in row] for row in rows]
    )


def in_more_columns(content: Content) -> Document:
    """Read a table on a finer grid, as nested tables and ragged lines make it."""
    paragraphs, rows = content
    return document(
        "application/printed",
        paragraphs,
        [list(chain.from_iterable((" ".join(cell), "") for cell in row)) for row in rows],
    )


def without_a_table(content: Content) -> Document:
    """Read the cells as paragraphs, column by column."""
    paragraphs, rows = content
    return document(
        "application/printed", [*paragraphs, *(row[at] for at in range(len(rows[0])) for row in rows)], []
    )


def with_paragraphs_in_the_table(content: Content) -> Document:
    """Read everything as one table, as a page in columns may be."""
    paragraphs, rows = content
    wide = len(rows[0])
    lines = [[" ".join(each), *[""] * (wide - 1)] for each in paragraphs]
    return document("application/printed", [], [*lines, *([" ".join(cell) for cell in row] for row in rows)])


READERS: tuple[Callable[[Content], Document], ...] = (
    with_bullets,
    in_more_columns,
    without_a_table,
    with_paragraphs_in_the_table,
)


def document(media_type: str, paragraphs: Sequence[Cell], rows: list[list[str]]) -> Document:
    """Make a document of paragraphs and, if there are rows, a table."""
    blocks = [Block(" ".join(words), BlockKind.PARAGRAPH) for words in paragraphs]
    if rows:
        text = "\n".join("\t".join(row) for row in rows).strip()
        blocks.append(Block(text, BlockKind.TABLE, table=0))
    tables = (Table(tuple(tuple(row) for row in rows)),) if rows else ()
    return Document(media_type, media_type=media_type, blocks=tuple(blocks), tables=tables)


def edited(content: Content, chosen: Sequence[str]) -> Content:
    """Write another word in the place of each chosen one."""

    def rewritten(cell: Cell) -> Cell:
        return [f"other{word}" if word in chosen else word for word in cell]

    paragraphs, rows = content
    return [rewritten(each) for each in paragraphs], [[rewritten(cell) for cell in row] for row in rows]


def unmarked(left: Document, right: Document) -> list[Change]:
    """List the changes that are not told to be artefacts."""
    found = compare(left, right, Options(max_unlike_changes=10_000))
    return [change for change in found.changes if not change.likely_artifact]


@settings(max_examples=300, deadline=None)
@given(contents(), st.sampled_from(READERS))
def test_the_same_text_in_another_format_has_artefacts_alone(
    content: Content, read: Callable[[Content], Document]
) -> None:
    """No change is unmarked where no word was edited, and the text is the same."""
    left, right = as_written(content), read(content)
    assert not unmarked(left, right)
    assert compare(left, right, Options()).similarity.text == 1.0


@settings(max_examples=300, deadline=None)
@given(contents(), st.sampled_from(READERS), st.data())
def test_an_edited_word_is_told_in_every_format(
    content: Content, read: Callable[[Content], Document], data: st.DataObject
) -> None:
    """Each word that stands in one document only is in an unmarked change, on its own side; and nothing else is."""
    paragraphs, rows = content
    words = [word for cell in chain(paragraphs, *rows) for word in cell]
    chosen = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=3, unique=True))
    left, right = as_written(content), read(edited(content, chosen))
    changes = unmarked(left, right)
    gone = {word for change in changes for word in change.left_text.split()}
    come = {word for change in changes for word in change.right_text.split()}
    assert set(chosen) <= gone
    assert {f"other{word}" for word in chosen} <= come
    for change in changes:
        assert not {*change.left_text.split(), *change.right_text.split()}.isdisjoint(
            {*chosen, *(f"other{word}" for word in chosen)}
        )
