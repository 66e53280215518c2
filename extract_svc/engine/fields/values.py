"""Reads numbers, amounts and dates as people write them, into one form a program can compare.

Where a date in figures is ambiguous (03/04/2026) the document's language decides: the month comes first in
English, the day everywhere else.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from extract_svc.engine.model import FieldType

_CURRENCIES = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "zł": "PLN",
}
_CODES = (
    "EUR|USD|GBP|JPY|CHF|INR|RUB|KRW|CNY|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|NZD|SGD|HKD|BRL|MXN|ZAR|TRY|ILS|THB"
)
_AMOUNT = r"[-+\u2212(]?\s?\d{1,15}(?:[.,'\u2019\u00a0\u202f ]\d{1,3})*(?:[.,]\d+)?\)?"
_NUMBER = re.compile(rf"^({_AMOUNT})\s*%?$")
_SIGNS = "|".join(re.escape(sign) for sign in _CURRENCIES)
_MONEY = re.compile(
    rf"^(?:({_CODES}|{_SIGNS})\s*)?({_AMOUNT})(?:\s*({_CODES}|{_SIGNS})|,-+|\.-+)?(?:\s|$|[^\w])",
    re.IGNORECASE,
)
_MONTHS = (
    ("jan", "gen", "ene"), ("feb", "fév", "fev"), ("mar", "mär", "mrt", "maa"), ("apr", "avr", "abr"),
    ("may", "mai", "mei", "mag"), ("jun", "juin", "giu"), ("jul", "juil", "lug"), ("aug", "aoû", "aou", "ago"),
    ("sep", "set"), ("oct", "okt", "ott", "out"), ("nov",), ("dec", "dez", "déc", "dic"),
)  # fmt: skip
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_FIGURES = re.compile(r"(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4}|\d{2})(?!\d)")
_DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|\.|er)?[\s-]+(?:de\s+)?([^\W\d_]{3,10})\.?,?[\s-]+(?:de\s+)?(\d{4})"
)
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,10})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_EAST = re.compile(r"(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?日")
_CENTURY_PIVOT = 70


def normalise(raw: str, kind: FieldType, language: str = "") -> str:
    """Write a value as its type says; "" where it does not parse."""
    text = " ".join(raw.split())
    if kind is FieldType.NUMBER:
        return number(text)
    if kind is FieldType.MONEY:
        return money(text)
    if kind is FieldType.DATE:
        return day(text, language)
    return text


def guess(raw: str, language: str = "") -> tuple[FieldType, str]:
    """Answer what a value is and its normalised form."""
    text = " ".join(raw.split())
    dated = day(text, language)
    if dated and len(text) <= 30:
        return FieldType.DATE, dated
    paid = money(text)
    if " " in paid and len(text) <= 30:
        return FieldType.MONEY, paid
    counted = number(text)
    return (FieldType.NUMBER, counted) if counted else (FieldType.TEXT, text)


def number(text: str) -> str:
    """Write a number as "1234.5"; a percent sign is left out."""
    found = _NUMBER.match(text)
    value = _decimal(found[1]) if found else None
    return _plain(value) if value is not None else ""


def money(text: str) -> str:
    """Write an amount as "USD 1234.50", without the currency where none is stated."""
    found = _MONEY.match(text + " ")
    value = _decimal(found[2]) if found else None
    if found is None or value is None:
        return ""
    sign = (found[1] or found[3] or "").strip()
    code = _CURRENCIES.get(sign.lower(), sign.upper())
    exponent = value.as_tuple().exponent
    shown = f"{value:.2f}" if isinstance(exponent, int) and exponent >= -2 else _plain(value)
    return f"{code} {shown}" if code else shown


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(text: str) -> Decimal | None:
    negative = text.lstrip().startswith(("-", "\u2212", "("))
    digits = re.sub(r"[^\d.,]", "", text).strip(".,")
    point, comma = digits.rfind("."), digits.rfind(",")
    if point >= 0 and comma >= 0:
        mark = max(point, comma)
        whole, part = re.sub(r"[.,]", "", digits[:mark]), digits[mark + 1 :]
    elif digits.count(",") == 1 and len(digits) - comma - 1 != 3:
        whole, part = digits[:comma], digits[comma + 1 :]
    elif digits.count(".") == 1:
        whole, part = digits[:point], digits[point + 1 :]
    else:
        whole, part = re.sub(r"[.,]", "", digits), ""
    if not (whole or part):
        return None
    value = Decimal(f"{whole or 0}.{part or 0}") if part else Decimal(whole)
    return -value if negative else value


def day(text: str, language: str = "") -> str:
    """Write the date that a text begins with as "2026-05-03"."""
    found = _ISO.search(text) or _EAST.search(text)
    if found:
        return _date(int(found[1]), int(found[2]), int(found[3]))
    found = _DAY_FIRST.search(text)
    if found and (month := _month(found[2])):
        return _date(int(found[3]), month, int(found[1]))
    found = _MONTH_FIRST.search(text)
    if found and (month := _month(found[1])):
        return _date(int(found[3]), month, int(found[2]))
    found = _FIGURES.search(text)
    if found is None:
        return ""
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if len(found[4]) == 2:
        year += 2000 if year < _CENTURY_PIVOT else 1900
    month_first = second > 12 or (first <= 12 and found[2] == "/" and language.startswith("en"))
    return _date(year, first, second) if month_first else _date(year, second, first)


def _month(name: str) -> int:
    lower = name.lower()
    return next((n for n, starts in enumerate(_MONTHS, 1) if lower.startswith(starts)), 0)


def _date(year: int, month: int, of_month: int) -> str:
    try:
        return date(year, month, of_month).isoformat()
    except ValueError:
        return ""
