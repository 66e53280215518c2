"""The extractor keeps the promises that collatio's suite checks, and reads what its format says."""

from __future__ import annotations

from collatio_acta import MEDIA_TYPE, Acta

from collatio.plugins.extractors import BlockKind, Document, Options
from collatio.plugins.testing.extractors import check_extractor, check_lightness

MINUTES = b"""%ACTA 1
title: Weekly meeting
author: Anna Berg
date: 2026-03-02

# Decisions
- Paint the fence.
| Item  | Cost    |
| Paint | 120 EUR |
Anna reports.
"""


def test_it_keeps_an_extractors_promises() -> None:
    """Good minutes are read in order, alike every time; broken ones fail with a reason."""
    check_extractor(
        Acta(),
        good={"minutes.acta": (MINUTES, ["Decisions", "Paint the fence.", "120 EUR", "Anna reports."])},
        broken={"other.acta": b"%ACTA 9\n\nx", "latin.acta": b"%ACTA 1\n\n\xe9", "not.acta": b"Dear Anna"},
    )


def test_its_declaration_is_light() -> None:
    """A server that only names the engine loads nothing that reads."""
    check_lightness("collatio_acta:Acta", heavy=["collatio_acta.reading"])


def test_minutes_have_structure_and_properties() -> None:
    """Headings, list items, tables with heads and properties come out as what they are."""
    found = Acta().extract(Document(MINUTES, "minutes.acta", MEDIA_TYPE), Options())
    kinds = [block.kind for block in found.blocks]
    assert kinds == [BlockKind.HEADING, BlockKind.LIST_ITEM, BlockKind.TABLE, BlockKind.PARAGRAPH]
    assert [[cell.text for cell in row.cells] for row in found.tables[0].rows] == [
        ["Item", "Cost"],
        ["Paint", "120 EUR"],
    ]
    assert found.metadata.title == "Weekly meeting"
    assert found.metadata.create_time is not None
