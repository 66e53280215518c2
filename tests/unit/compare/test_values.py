"""Values: what is written differently and means the same, and what is left alone."""

from __future__ import annotations

import pytest

from compare_svc.engine.values import comparable, normalise


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000.00 USD", "USD 1000"),
        ("$1,000", "USD 1000"),
        ("1.000,50 €", "EUR 1000.5"),
        ("(1,200)", "-1200"),
        ("12,5 %", "12.5%"),
        ("1 000 000", "1000000"),
        ("-0.0", "0"),
        ("3 May 2026", "2026-05-03"),
        ("May 3rd, 2026", "2026-05-03"),
        ("3. Mai 2026", "2026-05-03"),
        ("25/12/2026", "2026-12-25"),
        ("2026-05-03", "2026-05-03"),
    ],
)
def test_a_value_has_one_normal_form(text: str, value: str) -> None:
    """Amounts, numbers and dates are written in the contract's forms."""
    assert normalise(text) == value


@pytest.mark.parametrize(
    "text", ["03/05/2026", "007", "v2", "1.2.3", "12:30", "31 February 2026", "", "text", "1,00,0"]
)
def test_what_is_ambiguous_stays_text(text: str) -> None:
    """A value that could be two, or is a name, is not read as either."""
    assert normalise(text) == ""


def test_values_compare_by_meaning_else_by_text() -> None:
    """The extractor's value counts first; text counts with its white space folded."""
    assert comparable("EUR 5", "EUR 5.00") == comparable("5 €")
    assert comparable("ACME \n Ltd") == "ACME Ltd"
