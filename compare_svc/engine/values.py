"""Normalises values: numbers, amounts and dates that are written differently and mean the same.

Rules:
1. The normal forms are those of the contract's FieldType: "1234.5", "USD 1234.5", "2026-05-03", with trailing
   zeros dropped, so that 1,000.00 USD is USD 1000.
2. What is ambiguous stays text. 03/05/2026 is the third of May or the fifth of March, so it is no date;
   25/12/2026 is one. A comma or dot before exactly three digits groups thousands when it is a comma or stands
   more than once; "1.000" is one.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "US$": "USD", "₹": "INR", "CHF": "CHF"}
_CODES = "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|CNY|INR|BRL|MXN|ZAR|HUF|RON|TRY|KRW|SGD|HKD"
_UNIT = rf"(?:{_CODES}|US\$|[$€£¥₹])"
_DIGITS = r"\d[\d.,'\u2019\u00a0\u202f ]*\d|\d"
_NUMBER = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+\u2212])?\s*(?P<digits>{_DIGITS})(?P<close>\))?\s*(?P<percent>%)?"
)
_MONEY = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+\u2212])?\s*(?:(?P<before>{_UNIT})\s*(?P<inner>[-\u2212])?(?P<digits>{_DIGITS})"
    rf"|(?P<digits_first>{_DIGITS})\s*(?P<after>{_UNIT}))(?P<close>\))?",
    re.IGNORECASE,
)
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero gennaio",
            "february feb februar février febrero febbraio",
            "march mar märz mars marzo",
            "april apr avril abril aprile",
            "may mai mayo maggio",
            "june jun juni juin junio giugno",
            "july jul juli juillet julio luglio",
            "august aug août agosto",
            "september sep sept septembre septiembre settembre",
            "october oct oktober okt octobre octubre ottobre",
            "november nov novembre noviembre",
            "december dec dezember dez décembre diciembre dicembre",
        ),
        1,
    )
    for name in names.split()
}
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]00:00(?::00)?Z?)?")
_NUMERIC = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:of\s+|de\s+)?([^\W\d]+)\.?,?\s+(?:de\s+)?(\d{4})", re.IGNORECASE
)
_MONTH_FIRST = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})", re.IGNORECASE)
_LENGTH_MAX = 60


@lru_cache(maxsize=65_536)
def normalise(text: str) -> str:
    """Give a value's normal form: an amount, a number or a date; empty where it is none of them."""
    text = text.strip()
    if text.isascii() and text.isdigit() and (text[0] != "0" or len(text) == 1):
        return text
    if not text or len(text) > _LENGTH_MAX or not any(character.isdigit() for character in text):
        return ""
    return parse_date(text) or _money(text) or _number(text)


def comparable(text: str, value: str = "") -> str:
    """Give what a value is compared by: its normal form, else its text with white space folded."""
    found = normalise(value) if value else ""
    return found or normalise(text) or " ".join(text.split())


def parse_date(text: str) -> str:
    """Read a date as "2026-05-03"; empty where it is none, or could be two."""
    if found := _ISO.fullmatch(text):
        return _date(int(found[1]), int(found[2]), int(found[3]))
    if found := _NUMERIC.fullmatch(text):
        first, second, year = (int(part) for part in found.groups())
        if first > 12 or "." in text or first == second:
            return _date(year, second, first)
        return _date(year, first, second) if second > 12 else ""
    if found := _DAY_FIRST.fullmatch(text):
        return _date(int(found[3]), MONTHS.get(found[2].casefold(), 0), int(found[1]))
    if found := _MONTH_FIRST.fullmatch(text):
        return _date(int(found[3]), MONTHS.get(found[1].casefold(), 0), int(found[2]))
    return ""


def _date(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:  # no such day: it is text
        return ""


def _money(text: str) -> str:
    found = _MONEY.fullmatch(text)
    if not found or bool(found["open"]) != bool(found["close"]):
        return ""
    digits = _plain(found["digits"] or found["digits_first"])
    if not digits:
        return ""
    unit = (found["before"] or found["after"]).upper()
    negative = found["open"] or found["inner"] or found["sign"] in {"-", "\u2212"}
    return f"{_CURRENCIES.get(unit, unit)} {'-' if negative else ''}{digits}"


def _number(text: str) -> str:
    found = _NUMBER.fullmatch(text)
    if not found or bool(found["open"]) != bool(found["close"]):
        return ""
    digits = _plain(found["digits"])
    if not digits:
        return ""
    negative = digits != "0" and (found["open"] or found["sign"] in {"-", "\u2212"})
    return f"{'-' if negative else ''}{digits}{found['percent'] or ''}"


def _plain(digits: str) -> str:
    """Write digits with separators as plain decimals; empty where the separators make no sense."""
    digits = re.sub(r"['\u2019\u00a0\u202f ](?=\d{3}(?:\D|$))", "", digits)
    if not re.fullmatch(r"[\d.,]+", digits):
        return ""
    whole, point, fraction = _split(digits)
    groups = re.split(r"[.,]", whole)
    if len(groups) > 1 and (not 0 < len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])):
        return ""
    if not point and len(whole) > 1 and whole.startswith("0"):
        return ""  # 007 is a name
    number = "".join(groups).lstrip("0") or "0"
    fraction = fraction.rstrip("0")
    return f"{number}.{fraction}" if fraction else number


def _split(digits: str) -> tuple[str, str, str]:
    """Part the whole number from the decimals: the last separator, unless it groups thousands."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return digits, "", ""
    mark = digits[last]
    other = "," if mark == "." else "."
    groups = digits.count(mark) > 1 or (mark == "," and other not in digits and len(digits) - last == 4)
    return (digits, "", "") if groups else (digits[:last], mark, digits[last + 1 :])
