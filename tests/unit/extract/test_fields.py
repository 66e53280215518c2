"""Fields: values in one form, rules that cannot blow up, pairs found by layout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.fields import compile_rules, find_fields
from extract_svc.engine.fields.values import day, guess, money, number
from extract_svc.engine.model import (
    Block,
    BlockKind,
    Box,
    Extraction,
    Field,
    FieldRule,
    FieldType,
    Metadata,
    Options,
)

if TYPE_CHECKING:
    from tests.unit.extract.conftest import Run


def _field(text: str, rule: FieldRule, language: str = "en") -> Field:
    blocks = tuple(Block(BlockKind.PARAGRAPH, part) for part in text.split("\n\n"))
    found = Extraction("text/plain", blocks=blocks, metadata=Metadata(language=language))
    return next(field for field in find_fields(found, [rule]) if field.asked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.50", "1234.5"), ("1.234,50", "1234.5"), ("1 234,5", "1234.5"), ("1,234", "1234"), ("12.5 %", "12.5"),
        ("(300)", "-300"), ("-0.5", "-0.5"), ("1'000'000", "1000000"), ("12 apples", ""), ("", ""),
    ],
)  # fmt: skip
def test_numbers_have_one_form(text: str, expected: str) -> None:
    """Thousands and decimals are told apart however they are written."""
    assert number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,234.50", "USD 1234.50"), ("1.234,50 €", "EUR 1234.50"), ("EUR 12", "EUR 12.00"), ("12.00", "12.00"),
        ("CHF 1'234.00", "CHF 1234.00"), ("about $5", ""),
    ],
)  # fmt: skip
def test_money_has_one_form(text: str, expected: str) -> None:
    """Amounts carry the currency's code where one is stated."""
    assert money(text) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("2026-05-03", "", "2026-05-03"), ("3 May 2026", "en", "2026-05-03"), ("May 3rd, 2026", "en", "2026-05-03"),
        ("03.05.2026", "de", "2026-05-03"), ("05/03/2026", "en", "2026-05-03"), ("05/03/2026", "fr", "2026-03-05"),
        ("3. März 2026", "de", "2026-03-03"), ("2026年5月3日", "ja", "2026-05-03"), ("31/31/2026", "en", ""),
        ("3 de mayo de 2026", "es", "2026-05-03"), ("no date", "en", ""),
    ],
)  # fmt: skip
def test_dates_have_one_form(text: str, language: str, expected: str) -> None:
    """Dates are read in the forms of several languages."""
    assert day(text, language) == expected


def test_guesses_are_typed() -> None:
    """A found value is told a date, an amount, a number or text."""
    assert guess("3 May 2026")[0] is FieldType.DATE
    assert guess("$ 5.00") == (FieldType.MONEY, "USD 5.00")
    assert guess("42") == (FieldType.NUMBER, "42")
    assert guess("Acme  Ltd") == (FieldType.TEXT, "Acme Ltd")


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("Invoice No: 4711", "4711"),
        ("INVOICE NO. 4711", "4711"),
        ("Invoice\u00a0No # 4711", "4711"),
        ("Invoice No\n4711", "4711"),
        ("Invoice No\n\n4711", "4711"),
        ("The invoice no is elsewhere\n\nInvoice no = 4711", "4711"),
    ],
)
def test_labels_find_their_values(text: str, raw: str) -> None:
    """A label is found whatever its case and punctuation, its value after or below it."""
    assert _field(text, FieldRule("number", label="Invoice No")).raw == raw


def test_a_typed_rule_prefers_what_parses() -> None:
    """Among several matches the one that is of the type wins."""
    text = "Total amount due\n\nTotal: see below\n\nTotal: 99,50 EUR"
    assert _field(text, FieldRule("total", label="total", type=FieldType.MONEY)).value == "EUR 99.50"


def test_labels_in_tables_find_the_next_cell(run: Run) -> None:
    """In a table the value stands to the right of its label, or below a column's head."""
    options = Options(fields=(FieldRule("due", label="Due date", type=FieldType.DATE),))
    found = run("<table><tr><td>Ref<td>1<tr><td>Due date<td>3 May 2026</table>", "a.html", options)
    assert found.fields[0].value == "2026-05-03"


def test_labels_find_the_block_to_their_right() -> None:
    """On a page the nearest block right of the label is its value."""
    blocks = (
        Block(BlockKind.PARAGRAPH, "Customer", page=1, box=Box(10, 10, 60, 20)),
        Block(BlockKind.PARAGRAPH, "Elsewhere", page=1, box=Box(10, 100, 60, 110)),
        Block(BlockKind.PARAGRAPH, "Acme Ltd", page=1, box=Box(100, 10, 160, 20)),
    )
    field = find_fields(Extraction("application/pdf", blocks=blocks), [FieldRule("c", label="Customer")])[0]
    assert (field.raw, field.block, field.box) == ("Acme Ltd", 2, blocks[2].box)


def test_patterns_answer_their_first_group() -> None:
    """A pattern's group is the value, else the whole match is."""
    assert _field("ref AB-12 x", FieldRule("r", pattern=r"ref (\w+-\d+)")).raw == "AB-12"
    assert _field("ref AB-12 x", FieldRule("r", pattern=r"\w+-\d+")).raw == "AB-12"


def test_patterns_take_linear_time() -> None:
    """A pattern that backtracks for ever elsewhere ends at once."""
    begun = time.process_time()
    found = Extraction("text/plain", blocks=(Block(BlockKind.PARAGRAPH, "a" * 50_000),))
    assert not [f for f in find_fields(found, [FieldRule("x", pattern=r"(a+)+$b")]) if f.asked]
    assert time.process_time() - begun < 2


def test_faulty_rules_are_refused_all_at_once() -> None:
    """Every fault of every rule is reported, with its place."""
    rules = [FieldRule("a"), FieldRule("", label="x"), FieldRule("b", pattern="(")]
    with pytest.raises(CollatioError) as caught:
        compile_rules(rules)
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert [v.field for v in caught.value.violations] == [
        "spec.fields[0]",
        "spec.fields[1].name",
        "spec.fields[2].pattern",
    ]


def test_pairs_are_found_by_layout(run: Run) -> None:
    """Lines of the form "Label: value" are fields nobody had to ask for; prose and code are not."""
    text = "Invoice No: 123\nTotal: $5.00\n\nNote: this is a long sentence that goes on and on for quite a while."
    found = [(field.name, field.value) for field in run(text, "a.txt").fields]
    assert found == [("Invoice No", "123"), ("Total", "USD 5.00")]
