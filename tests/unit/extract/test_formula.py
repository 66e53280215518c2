"""Formulas of Office Math are read as one types them on a line, so that what differs in them differs in text."""

from __future__ import annotations

import pytest
from lxml import etree

from extract_svc.engine.formats.docx.formula import linear
from extract_svc.engine.ooxml import Names

MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def run(text: str) -> str:
    """Write a run."""
    return f"<m:r><m:t>{text}</m:t></m:r>"


def read(inner: str) -> str:
    """Read a formula."""
    return linear(Names(), etree.fromstring(f"<m:oMath {MATH}>{inner}</m:oMath>"))


X, N, SUM = run("x"), run("n"), run("n+1")


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (f"<m:sSup><m:e>{X}</m:e><m:sup>{run('2')}</m:sup></m:sSup>", "x²"),
        (f"<m:sSub><m:e>{X}</m:e><m:sub>{run('10')}</m:sub></m:sSub>", "x₁₀"),
        (f"<m:sSubSup><m:e>{X}</m:e><m:sub>{N}</m:sub><m:sup>{SUM}</m:sup></m:sSubSup>", "x_n^(n+1)"),
        (f"<m:sSup><m:e>{SUM}</m:e><m:sup>{N}</m:sup></m:sSup>", "(n+1)^n"),
        (f"<m:f><m:num>{SUM}</m:num><m:den>{run('2')}</m:den></m:f>", "(n+1)/2"),
        (f'<m:f><m:fPr><m:type m:val="noBar"/></m:fPr><m:num>{N}</m:num><m:den>{X}</m:den></m:f>', "n¦x"),
        (f"<m:rad><m:deg/><m:e>{SUM}</m:e></m:rad>", "√(n+1)"),
        (f"<m:rad><m:deg>{run('3')}</m:deg><m:e>{X}</m:e></m:rad>", "√(3&x)"),
        (f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{run("k=0")}</m:sub><m:e>{X}</m:e></m:nary>', "∑_(k=0) x"),
        (f"<m:nary><m:e>{X}</m:e></m:nary>", "∫ x"),
        (f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>{X}</m:e></m:d>', "[x]"),
        (f"<m:d><m:e>{X}</m:e><m:e>{N}</m:e></m:d>", "(x|n)"),
        (f"<m:func><m:fName>{run('log')}</m:fName><m:e>{X}</m:e></m:func>", "log(x)"),
        (f"<m:func><m:fName>{run('log')}</m:fName><m:e><m:d><m:e>{X}</m:e></m:d></m:e></m:func>", "log(x)"),
        (f"<m:limLow><m:e>{run('lim')}</m:e><m:lim>{run('n→∞')}</m:lim></m:limLow>", "lim_(n→∞)"),
        (f"<m:m><m:mr><m:e>{X}</m:e><m:e>{N}</m:e></m:mr><m:mr><m:e>{N}</m:e><m:e>{X}</m:e></m:mr></m:m>", "[x, n; n, x]"),
        (f"<m:unknown><m:e>{X}</m:e></m:unknown>", "x"),
    ],
)  # fmt: skip
def test_a_formula_is_written_on_a_line(formula: str, text: str) -> None:
    """Each structure has its notation; one that is not known is read through."""
    assert read(formula) == text


def test_what_is_removed_is_no_part_of_a_formula() -> None:
    """A tracked deletion within a formula is not read."""
    assert read(f"{X}<w:del xmlns:w='w'>{N}</w:del>") == "x"
