"""The engines in this process."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

from collatio.cli.diffing.indoors import Indoors, document_from
from collatio.cli.diffing.model import Side
from collatio.plugins import comparators
from collatio.plugins.comparators import ComparisonStatus, Options
from extract_svc.engine import model


def test_extraction_becomes_a_document_whole() -> None:
    """Every field that the compare engine knows is carried over, with its value."""
    when = datetime(2026, 5, 3, tzinfo=UTC)
    box = model.Box(1, 2, 3, 4)
    found = model.Extraction(
        "text/html",
        blocks=(
            model.Block(model.BlockKind.TABLE, "t", 2, 3, box, 0, (model.Mark.HIDDEN, model.Mark.OCR), 0.5),
        ),
        tables=(model.Table((model.TableRow((model.TableCell("c"), model.TableCell())),), 3, box, "cap"),),
        metadata=model.Metadata("title", "author", "subject", ("k",), when, when, "en", 7),
        fields=(model.Field("n", "N:", "raw", "value", model.FieldType.MONEY, page=3, block=0, box=box),),
        warnings=(model.Warning("PARTIAL", "Cut."),),
        confidence=0.75,
    )
    place = comparators.Box(1, 2, 3, 4)
    marks = (comparators.Mark.HIDDEN, comparators.Mark.OCR)
    assert document_from(found, uri="u", sha256="s") == comparators.Document(
        document_id="s",
        uri="u",
        sha256="s",
        media_type="text/html",
        blocks=(comparators.Block("t", comparators.BlockKind.TABLE, 2, 3, place, 0, marks, 0.5),),
        tables=(comparators.Table((("c", ""),), 3, place, "cap"),),
        fields=(comparators.Field("n", "raw", "value", 3, 0, place),),
        metadata=comparators.Metadata("title", "author", "subject", ("k",), when, when, "en", 7),
        warnings=("PARTIAL",),
        confidence=0.75,
    )
    known = {each.name for each in fields(model.Metadata)} - {"raw"}
    assert known == {each.name for each in fields(comparators.Metadata)}


def test_lone_surrogates_are_replaced() -> None:
    """As the mesh does: what UTF-8 cannot say would break the comparison."""
    found = model.Extraction("x", blocks=(model.Block(model.BlockKind.PARAGRAPH, "a\ud800b"),))
    assert document_from(found, uri="", sha256="").blocks[0].text == "a\ufffdb"


def test_formats_are_read_and_compared() -> None:
    """The same words in two formats compare with only artefacts between them."""
    engines = Indoors()
    left = engines.read(Side("a.html", b"<html><body><h1>Terms</h1><p>Pay within 30 days.</p></body></html>"))
    right = engines.read(Side("dir/b.md", b"# Terms\n\nPay within 30 days.\n"))
    assert (left.document.media_type, right.document.media_type) == ("text/html", "text/markdown")
    comparison = engines.compare(left, right, Options())
    assert comparison.status is ComparisonStatus.COMPARED
    assert all(change.likely_artifact for change in comparison.changes)


def test_warnings_come_with_the_reading() -> None:
    """What a reader should know is handed on."""
    assert Indoors().read(Side("a.txt", b"")).warnings[0][0] == "EMPTY"
