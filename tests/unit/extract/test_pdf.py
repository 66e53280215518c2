"""PDF: words to blocks, tables drawn and set, furniture, and what cannot be read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reportlab.pdfgen import canvas

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.grid import plain_rows
from extract_svc.engine.model import BlockKind, Limits, Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.extract.conftest import Run


SAMPLES = Path(__file__).parents[3] / "examples" / "documents"


def test_lines_make_paragraphs_with_boxes(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """Lines that follow each other are one block, its box in points from the top left."""
    found = run(make_pdf([[(72, 700, "First line of text"), (72, 686, "second line."), (72, 600, "Apart.")]]))
    assert [b.text for b in found.blocks] == ["First line of text\nsecond line.", "Apart."]
    box = found.blocks[0].box
    assert box is not None
    assert (round(box.x0), 75 < box.y0 < 95, 100 < box.y1 < 115) == (72, True, True)
    assert (found.pages[0].width_pt, found.metadata.page_count, found.confidence) == (612.0, 1, 1.0)


def test_columns_are_read_one_after_the_other(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """Text drawn row by row across two columns of prose is not read across them."""
    left = "the left column tells a story of its own at length"
    right = "while on the right another one goes on and on here"
    words = [w for n in range(8) for w in ((40, 700 - 13 * n, left), (330, 700 - 13 * n, right))]
    text = run(make_pdf([words])).text
    assert text.rindex("left") < text.index("right another")


def test_drawn_tables_have_cells_and_spans(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """Lines that cross are a grid; a missing line is a span."""
    lines = [(50, y, 350, y) for y in (700, 680, 660)] + [
        (50, 700, 50, 660),
        (350, 700, 350, 660),
        (200, 680, 200, 660),
    ]
    words = [(60, 685, "Head over both"), (60, 665, "left"), (210, 665, "right")]
    found = run(make_pdf([words], lines))
    assert plain_rows(found) == [[["Head over both", ""], ["left", "right"]]]
    assert found.tables[0].rows[0].cells[0].column_span == 2
    assert found.blocks[0].kind is BlockKind.TABLE


def grid(box: tuple[float, float, float, float], columns: int, rows: int) -> list[tuple[float, ...]]:
    """Draw a grid of equal cells."""
    x0, y0, x1, y1 = box
    across = [(x0, y0 + n * (y1 - y0) / rows, x1, y0 + n * (y1 - y0) / rows) for n in range(rows + 1)]
    down = [(x0 + n * (x1 - x0) / columns, y0, x0 + n * (x1 - x0) / columns, y1) for n in range(columns + 1)]
    return across + down


NESTING_WORDS = [
    (110, 690, "left"), (310, 690, "right"), (110, 648, "A"), (200, 648, "B"), (110, 620, "C"), (200, 620, "D"),
    (310, 640, "plain"),
]  # fmt: skip


@pytest.mark.parametrize("top", [660, 655])
def test_a_table_in_a_cell_is_a_table_of_its_own(
    run: Run, make_pdf: Callable[..., bytes], top: float
) -> None:
    """Whether its border touches the cell's or not: the outer one keeps its shape, and the words in its cell's text."""
    lines = [*grid((100, 600, 500, 720), 2, 2), *grid((106, 610, 294, top), 2, 2)]
    found = run(make_pdf([NESTING_WORDS], lines), "a.pdf")
    assert [[[c.text for c in row.cells] for row in table.rows] for table in found.tables] == [
        [["left", "right"], ["A B\nC D", "plain"]],
        [["A", "B"], ["C", "D"]],
    ]
    assert [block.kind for block in found.blocks] == [BlockKind.TABLE]
    assert found.tables[1].box is not None
    assert found.tables[1].box.x0 == pytest.approx(106, abs=2)


def test_a_cell_that_is_divided_is_no_nested_table(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """Lines that reach the cell's sides make spans, as before."""
    lines = [*grid((100, 600, 500, 720), 2, 2), (100, 630, 300, 630), (200, 600, 200, 660)]
    (table,) = run(make_pdf([NESTING_WORDS], lines), "a.pdf").tables
    assert len(table.rows) == 3
    assert len(table.rows[0].cells) == 3


def test_bullets_in_cells_are_left_out(run: Run) -> None:
    """As other formats do: a list's items are its text; a bullet alone is what the cell says."""
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer)
    for line in grid((100, 600, 500, 720), 2, 2):
        page.line(*line)
    for x, y, text in (
        (110, 690, "a list"),
        (310, 690, "x"),
        (110, 650, "\u2022 one"),
        (110, 630, "\u2022 two"),
        (310, 620, "\u2022"),
    ):
        page.drawString(x, y, text)
    page.save()
    (table,) = run(buffer.getvalue(), "a.pdf").tables
    assert [[c.text for c in row.cells] for row in table.rows] == [["a list", "x"], ["one\ntwo", "\u2022"]]


def test_aligned_numbers_are_a_table(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """Columns that are only set, not drawn, are found by what all rows leave free."""
    rows = [
        ("Item", "Count", "Price"),
        ("Bolts", "10", "1.50"),
        ("Nuts", "200", "0.10"),
        ("Rods", "3", "12.00"),
    ]
    words = [
        (x, 700 - 20 * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip((72, 250, 400), row, strict=True)
    ]
    assert plain_rows(run(make_pdf([words]))) == [[list(row) for row in rows]]


def test_prose_is_no_table(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """Ordinary paragraphs give no table."""
    words = [(72, 700 - 14 * n, "This is a line of an ordinary paragraph of a letter.") for n in range(12)]
    assert run(make_pdf([words])).tables == ()


def test_running_heads_and_page_numbers_are_furniture(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """What comes again at the rim of pages is a header or a footer."""
    pages = [
        [(72, 770, "Annual report"), (72, 500, f"Body {n} text."), (300, 20, f"Page {n}")] for n in (1, 2, 3)
    ]
    kinds = {b.text: b.kind for b in run(make_pdf(pages)).blocks}
    assert kinds["Annual report"] is BlockKind.HEADER
    assert kinds["Page 2"] is BlockKind.FOOTER
    assert kinds["Body 2 text."] is BlockKind.PARAGRAPH


def test_pages_without_text_warn(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """A blank or scanned page is told by its number, an empty document as a whole."""
    found = run(make_pdf([[(72, 700, "x")], []]))
    assert [(w.code, w.page) for w in found.warnings] == [("PAGE_WITHOUT_TEXT", 2)]
    assert "NO_TEXT" in {w.code for w in run(make_pdf([[]])).warnings}


def test_the_page_limit_gives_a_partial_result(run: Run, make_pdf: Callable[..., bytes]) -> None:
    """Past the page limit what was read stands, and says so."""
    data = make_pdf([[(72, 700, f"page {n}")] for n in range(5)])
    found = run(data, "", Options(limits=Limits(max_pages=2)))
    assert len(found.pages) == 2
    assert found.metadata.page_count == 5
    assert "PARTIAL" in {w.code for w in found.warnings}


def test_broken_pdfs_are_corrupt(run: Run) -> None:
    """A file that only begins like a PDF fails as corrupt."""
    with pytest.raises(CollatioError) as caught:
        run(b"%PDF-1.7\nnothing more")
    assert caught.value.reason is Reason.DOCUMENT_CORRUPT


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_turned_text_is_read_in_its_own_direction(run: Run, angle: int) -> None:
    """Lines set on their side or upside down are lines, in order, with places on the page as shown."""
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer, pagesize=(600, 800))
    page.translate(300, 400)
    page.rotate(angle)
    for n, line in enumerate(("First line of the block", "second line of it", "and the last one")):
        page.drawString(0, -14 * n, line)
    page.save()
    found = run(buffer.getvalue())
    assert found.text == "First line of the block\nsecond line of it\nand the last one"
    box = found.blocks[0].box
    assert box is not None
    assert (box.x1 - box.x0 > box.y1 - box.y0) == (angle % 180 == 0)
    assert 0 <= box.x0 < box.x1 <= 600
    assert 0 <= box.y0 < box.y1 <= 800


def test_shaded_bands_do_not_hide_columns(run: Run) -> None:
    """Rows on alternating grounds are a table of columns, though the grounds know none."""
    buffer = io.BytesIO()
    page = canvas.Canvas(buffer, pagesize=(600, 800))
    rows = [("Item", "Qty"), ("Widget", "4"), ("Gadget", "12"), ("Thing", "150"), ("Total", "166")]
    for n, row in enumerate(rows):
        page.setFillGray(0.8 if n % 2 else 1)
        page.rect(50, 695 - 18 * n, 300, 18, stroke=0, fill=1)
        page.setFillGray(0)
        for column, text in enumerate(row):
            page.drawString(60 + 150 * column, 700 - 18 * n, text)
    page.save()
    assert plain_rows(run(buffer.getvalue())) == [[list(row) for row in rows]]


def test_heads_on_the_left_of_figures_on_the_right_are_columns(
    run: Run, make_pdf: Callable[..., bytes]
) -> None:
    """Where heads and figures overlap across the corridor, the count of cells a row cuts the columns."""
    rows = [("Year", "Freshwater Ducks"), *((str(2019 + n), str(120 + 15 * n)) for n in range(5))]
    words = [(60, 700, rows[0][0]), (124, 700, rows[0][1])]
    words += [
        (x, 686 - 14 * n, text)
        for n, row in enumerate(rows[1:])
        for x, text in zip((98, 190), row, strict=True)
    ]
    assert plain_rows(run(make_pdf([words]))) == [[list(row) for row in rows]]


def test_a_table_stands_below_what_is_above_it(run: Run) -> None:
    """A running foot that is drawn first does not draw the table that stands above it to the page's beginning."""
    found = run((SAMPLES / "contracts/service-agreement-v1.pdf").read_bytes(), "a.pdf")
    at = next(at for at, block in enumerate(found.blocks) if block.kind is BlockKind.TABLE)
    assert found.blocks[at - 1].text.startswith("3.1 ")
    assert found.blocks[at].text.startswith("Milestone")
