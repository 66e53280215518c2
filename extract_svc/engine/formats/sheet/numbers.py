"""Writes a cell's number as its format shows it, as far as readers need: dates, percents, decimals, thousands."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 14: "yyyy-mm-dd",
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "0.0E+0",
}  # fmt: skip
_LITERAL = re.compile(r"\"[^\"]*\"|\\.|_.|\*.|\[(?!h|m|s)[^\]]*\]", re.IGNORECASE)
_DATE = re.compile(r"[ymdhs]|AM/PM", re.IGNORECASE)
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's dates have no zone
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001 - a sheet's dates have no zone
_MAX_DAYS = 2_958_466


def shown(value: float, form: str, *, from_1904: bool = False) -> str:
    """Write a number by a format code of ECMA-376 part 1, 18.8.31."""
    section = form.split(";", maxsplit=1)[0] if form else ""
    bare = _LITERAL.sub("", section)
    if not bare or bare.lower() == "general" or "@" in bare:
        return plain(value)
    if _DATE.search(bare):
        return _moment(value, bare, from_1904=from_1904)
    if "%" in bare:
        return f"{value * 100:.{_decimals(bare)}f}%"
    if "E" in bare or "/" in bare or ("0" not in bare and "#" not in bare):
        return plain(value)
    text = f"{value:,.{_decimals(bare)}f}" if "," in bare.split(".")[0] else f"{value:.{_decimals(bare)}f}"
    currency = re.search(r"[$€£¥]", section)
    if currency:
        front = section.find(currency[0]) < max(section.find("0"), section.find("#"))
        text = f"{currency[0]}{text}" if front else f"{text} {currency[0]}"
    return text


def plain(value: float) -> str:
    """Write a number with what a sheet keeps of it: fifteen digits, no exponent up to a quadrillion."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _decimals(bare: str) -> int:
    after = bare.partition(".")[2]
    return len(re.match(r"[0#?]*", after)[0])  # type: ignore[index]  # the pattern matches everything


def _moment(value: float, bare: str, *, from_1904: bool) -> str:
    if not 0 <= value < _MAX_DAYS:
        return plain(value)
    lower = bare.lower()
    has_day = "y" in lower or "d" in lower
    has_time = "h" in lower or "s" in lower
    if not has_day and "[h" in lower:
        minutes = round(value * 24 * 60)
        return f"{minutes // 60}:{minutes % 60:02d}"
    moment = (_EPOCH_1904 if from_1904 else _EPOCH) + timedelta(seconds=round(value * 86_400))
    if not has_day and has_time:
        return f"{moment:%H:%M:%S}" if "s" in lower else f"{moment:%H:%M}"
    if has_time and value % 1:
        return f"{moment:%Y-%m-%d %H:%M:%S}" if "s" in lower else f"{moment:%Y-%m-%d %H:%M}"
    return f"{moment:%Y-%m-%d}"
