"""Renumbering is told from edits, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from compare_svc.engine.compare import compare
from compare_svc.engine.model import Block, BlockKind, ChangeKind, Document, Options

FEES = "The customer shall pay every undisputed invoice within thirty days of receiving it."
DATA = "The supplier shall handle personal data only on written instructions of the customer."
LAW = "This agreement is governed by the law of the country in which the supplier has its seat."
NEW = "Each party shall keep secret whatever it learns of the affairs of the other one."


def _document(*texts: str) -> Document:
    return Document("d", blocks=tuple(Block(text) for text in texts))


def _told(left: Document, right: Document) -> tuple[set[tuple[str, str]], list[tuple[str, str, str]]]:
    """Give what was renumbered, and the kind and texts of all other changes."""
    compared = compare(left, right, Options())
    renumbered = {(each.left_text, each.right_text) for each in compared.changes if each.renumbering}
    rest = [
        (each.kind.name, each.left_text, each.right_text) for each in compared.changes if not each.renumbering
    ]
    assert compared.counts
    assert compared.counts.renumbered == sum(each.renumbering for each in compared.changes)
    return renumbered, rest


def test_a_clause_put_in_before_others_is_the_only_edit() -> None:
    """The clauses behind it are renumbered, and so are references to them, on either side."""
    left = _document(
        "1. Fees", f"1.1 {FEES}", "2. Data", f"2.1 {DATA}", "3. Law", f"3.1 {LAW} Clause 2 stays."
    )
    right = _document(
        *("1. Fees", f"1.1 {FEES}", "2. Secrets", f"2.1 {NEW}"),
        *("3. Data", f"3.1 {DATA}", "4. Law", f"4.1 {LAW} Clause 3 stays."),
    )
    renumbered, rest = _told(left, right)
    assert renumbered == {("2", "3"), ("2.1", "3.1"), ("3", "4"), ("3.1", "4.1")}
    assert [kind for kind, _, _ in rest] == ["INSERTED", "INSERTED"]
    backwards, rest = _told(right, left)
    assert backwards == {(new, old) for old, new in renumbered}
    assert [kind for kind, _, _ in rest] == ["DELETED", "DELETED"]


def test_a_heading_that_moved_keeps_its_name_under_another_number() -> None:
    """It is one move and a renumbering, not a deletion and an insertion."""
    left = _document("1. Fees", f"1.1 {FEES}", "2. Data", f"2.1 {DATA}", "3. The law", f"3.1 {LAW}")
    right = _document("1. The law", f"1.1 {LAW}", "2. Fees", f"2.1 {FEES}", "3. Data", f"3.1 {DATA}")
    renumbered, rest = _told(left, right)
    assert renumbered >= {("3", "1"), ("3.1", "1.1")}
    assert {kind for kind, _, _ in rest} == {"MOVED"}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (f"30 days after delivery {FEES}", f"20 days after delivery {FEES}"),
        (f"1.5 per cent a month. {FEES}", f"2.5 per cent a month. {FEES}"),
        (f"{FEES} See clause 2 for more.", f"{FEES} See clause 1 for more."),
        (f"{FEES} It takes 2 weeks.", f"{FEES} It takes 3 weeks."),
    ],
)
def test_a_number_that_says_something_is_an_edit(left: str, right: str) -> None:
    """Amounts at a line's beginning, and references that do not follow what they refer to, count."""
    around = ("7. Data", f"7.1 {DATA}", "8. Law", f"8.1 {LAW}")
    renumbered, rest = _told(_document(left, *around), _document(right, *around))
    assert renumbered == set()
    assert [kind for kind, _, _ in rest] == ["REPLACED"]


def test_letters_and_roman_numbers_count_too() -> None:
    """(b) that became (c), and (ii) that became (iii), are renumbered."""
    left = _document(f"(a) {FEES}", f"(b) {DATA}", f"(i) {LAW}", f"(ii) {LAW} Always.")
    right = _document(
        f"(a) {FEES}", f"(b) {NEW}", f"(c) {DATA}", f"(i) {LAW}", f"(ii) {NEW} So.", f"(iii) {LAW} Always."
    )
    renumbered, _ = _told(left, right)
    assert {("b", "c"), ("ii", "iii")} <= renumbered


def test_a_page_that_ends_elsewhere_moves_nothing() -> None:
    """A clause that stands before one page's end and after the other's stays in place, heads and feet or not."""

    def paged(*pages: tuple[str, ...]) -> Document:
        blocks = []
        for number, texts in enumerate(pages, 1):
            blocks.append(Block("Service agreement", BlockKind.HEADER, page=number))
            blocks.extend(Block(text, page=number) for text in texts)
            blocks.append(Block(f"Page {number}", BlockKind.FOOTER, page=number))
        return Document("d", blocks=tuple(blocks))

    left = paged((FEES, DATA, LAW), (NEW,))
    right = paged((FEES, DATA), (LAW, NEW))
    compared = compare(left, right, Options())
    assert not [change for change in compared.changes if change.kind is ChangeKind.MOVED]
    assert compared.changes == ()
