"""Time that runs out between parts: what was read so far is the result, and says that it is no more than that."""

from __future__ import annotations

import io
from itertools import count
from typing import TYPE_CHECKING

import pytest
from reportlab.pdfgen import canvas

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.deadline import Deadline
from extract_svc.engine.draft import Draft, TimeReached
from extract_svc.engine.model import Limits, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .conftest import Run

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEETS = "".join(f'<sheet name="S{n}" r:id="r{n}"/>' for n in range(4))
_RELATIONS = "".join(f'<Relationship Id="r{n}" Type="x/worksheet" Target="s{n}.xml"/>' for n in range(4))
_ROW = '<row><c t="inlineStr"><is><t>cell {}</t></is></c></row>'


def asked(times: int) -> Deadline:
    """Make a deadline that has passed once it was asked so many times, whatever there is to hand over."""
    ticks = count()
    return Deadline(times + 0.5, clock=lambda: float(next(ticks)), cpu_clock=float)


def pdf(pages: int, text: str = "Page {} of this document.") -> bytes:
    """Make a PDF of so many pages."""
    buffer = io.BytesIO()
    made = canvas.Canvas(buffer)
    for number in range(1, pages + 1):
        made.drawString(72, 720, text.format(number))
        made.showPage()
    made.save()
    return buffer.getvalue()


@pytest.fixture(scope="module")
def documents(make_zip: Callable[[Mapping[str, str | bytes]], bytes]) -> dict[str, bytes]:
    """Make a document of each way in which formats go on from part to part."""
    workbook = f'<workbook xmlns:r="{_OFFICE}"><sheets>{_SHEETS}</sheets></workbook>'
    sheet = "<worksheet><sheetData>" + _ROW.format(1) + "</sheetData></worksheet>"
    lines = [f"<p>Paragraph {n}</p>" for n in range(9)]
    return {
        "pages.pdf": pdf(9),
        "paragraphs.txt": b"\n\n".join(b"Paragraph %d" % n for n in range(9)),
        "page.html": f"<html><body>{''.join(lines)}</body></html>".encode(),
        "rows.csv": "\n".join(f"{n},{n},name" for n in range(900)).encode(),
        "entries.zip": make_zip({f"{n}.txt": f"entry {n}" for n in range(9)}),
        "sheets.xlsx": make_zip(
            {
                "[Content_Types].xml": "<Types/>",
                "xl/workbook.xml": workbook,
                "xl/_rels/workbook.xml.rels": f"<Relationships>{_RELATIONS}</Relationships>",
                **{f"xl/s{n}.xml": sheet for n in range(4)},
            }
        ),
    }


NAMES = ("pages.pdf", "paragraphs.txt", "page.html", "rows.csv", "entries.zip", "sheets.xlsx")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_read_before_the_deadline_is_the_result(
    documents: dict[str, bytes], name: str, run: Run
) -> None:
    """It begins as the whole does and ends before it, warns PARTIAL, and is provisional."""
    whole = run(documents[name], name)
    part = run(documents[name], name, Options(deadline=asked(4)))
    assert part.provisional
    assert [warning.code for warning in part.warnings] == ["PARTIAL"]
    assert "time" in part.warnings[0].message
    assert len(part.pages) + len(part.members) + len(part.blocks) > 0
    assert part.blocks[:-1] == whole.blocks[: max(len(part.blocks) - 1, 0)]
    assert part.members == whole.members[: len(part.members)]
    assert len(part.pages) <= len(whole.pages)
    assert (part.blocks, part.members, part.tables) != (whole.blocks, whole.members, whole.tables)


@pytest.mark.parametrize("name", NAMES)
def test_a_deadline_that_is_kept_changes_nothing(documents: dict[str, bytes], name: str, run: Run) -> None:
    """A document that is read in time is read as if there were no clock: equal, and not provisional."""
    timed = run(documents[name], name, Options(deadline=Deadline(3600)))
    assert timed == run(documents[name], name)
    assert not timed.provisional


def test_every_table_of_a_sheet_is_written_that_was_read(
    make_zip: Callable[[Mapping[str, str | bytes]], bytes], run: Run
) -> None:
    """A sheet of two tables whose second has no end is cut in that, and the first is there too."""
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>cell {n}</t></is></c></row>'
        for n in range(1, 900)
        if n != 3
    )
    parts = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook xmlns:r="{_OFFICE}"><sheets><sheet name="S" r:id="r0"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships>{_RELATIONS}</Relationships>",
        "xl/s0.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>",
    }
    found = run(make_zip(parts), "a.xlsx", Options(deadline=asked(4)))
    first, second = found.tables
    assert [cell.text for row in first.rows for cell in row.cells] == ["cell 1", "cell 2"]
    assert 1 < len(second.rows) < 800
    assert found.provisional


def test_pages_read_are_written_though_the_deadline_has_passed(run: Run) -> None:
    """What the PDF's pages said before is all there, not only the first block of it."""
    part = run(pdf(9), "pages.pdf", Options(deadline=asked(3)))
    assert part.text.split("\n\n") == [f"Page {n} of this document." for n in range(1, len(part.pages) + 1)]
    assert 1 < len(part.pages) < 9
    assert part.metadata.page_count == 9


def test_nothing_read_fails_with_the_limits_reason(run: Run) -> None:
    """A document of which not a word was read when time is up has timed out."""
    with pytest.raises(CollatioError) as told:
        run(pdf(9, " "), "scan.pdf", Options(deadline=asked(3)))
    assert told.value.reason is Reason.EXTRACT_TIMEOUT


def test_the_processors_time_counts_too(run: Run) -> None:
    """A library of several threads spends it faster than the clock goes."""
    ticks = count()
    deadline = Deadline(3.5, clock=float, cpu_clock=lambda: float(next(ticks)))
    assert run(b"\n\n".join([b"Paragraph"] * 9), "a.txt", Options(deadline=deadline)).provisional


@pytest.mark.parametrize(("name", "left"), [("paragraphs.txt", 3), ("pages.pdf", 0)])
def test_memory_that_runs_out_leaves_what_was_written(
    documents: dict[str, bytes], name: str, left: int, run: Run
) -> None:
    """Blocks that stand by then are the result; without any the document fails with MEMORY_LIMIT."""
    ticks = count(-1)  # the first look is the deadline's own, at its making

    def clock() -> float:
        if next(ticks) == 3:
            raise MemoryError
        return 0.0

    options = Options(deadline=Deadline(10, clock=clock, cpu_clock=float))
    found = run(documents[name], name, options)
    assert found.provisional
    assert "memory" in found.warnings[0].message
    assert len(found.blocks) >= left


def test_memory_that_runs_out_before_anything_is_written_fails(run: Run) -> None:
    """There is nothing to hand over but the reason."""

    def clock() -> float:
        if next(ticks):
            raise MemoryError
        return 0.0

    ticks = count()
    deadline = Deadline(10, clock=clock, cpu_clock=float)
    with pytest.raises(CollatioError) as told:
        run(pdf(3, " "), "scan.pdf", Options(deadline=deadline))
    assert told.value.reason is Reason.MEMORY_LIMIT


def test_the_more_there_is_to_hand_over_the_earlier_reading_stops() -> None:
    """A million cells held are seconds of writing: a clock that a line may keep is over for them."""
    deadline = Deadline(1, clock=float, cpu_clock=float)
    Draft(Limits(), deadline).table([["a line"]])
    with pytest.raises(TimeReached):
        Draft(Limits(), deadline).table([["x"] * 1000] * 1000)


def test_tables_of_very_many_cells_are_cut_and_say_so(run: Run) -> None:
    """A limit of output, not of time: the same rows each time, for every job; a file's text is all there."""
    text = "\n".join(f"{n},a" for n in range(100))
    found = run(text, "rows.csv", Options(limits=Limits(max_cells=20)))
    assert [len(table.rows) for table in found.tables] == [10]
    assert found.text == text
    assert [warning.code for warning in found.warnings] == ["PARTIAL"]
    assert not found.provisional
    whole = run(text, "rows.csv", Options(limits=Limits(max_cells=200)))
    assert (len(whole.tables[0].rows), whole.warnings) == (100, ())


def test_the_deadline_is_told_once() -> None:
    """Whoever catches it writes down what it holds without being stopped again."""
    draft = Draft(Limits(), Deadline(0))
    with pytest.raises(TimeReached):
        draft.block("first")
    draft.block("second")
    draft.table([["third"]] * 200)
    assert [len(draft.blocks), len(draft.tables[0].rows)] == [3, 200]
