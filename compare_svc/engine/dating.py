"""Reads from a document what its age rests on: a date and a version number near its top, or in its metadata.

A date that the text introduces as its own ("effective date", "last updated") comes before one that merely
stands near the top, that before the metadata's: files are copied and saved again long after they are written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compare_svc.engine.values import MONTHS, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from compare_svc.engine.model import Metadata

Version = tuple[tuple[int, str], ...]

HEAD_CHARACTERS = 4_000
TOP_CHARACTERS = 600
INTRODUCED_WITHIN = 60
BEFORE_YEAR = 32
AFTER_YEAR = 10
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATE = re.compile(
    rf"\b(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+|de\s+)?(?:{_MONTH})\.?,?\s+(?:de\s+)?\d{{4}}"
    rf"|(?:{_MONTH})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}})\b",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(rf"\b(?P<month>{_MONTH})\.?,?\s+(?P<year>(?:19|20)\d\d)\b", re.IGNORECASE)
_INTRODUCED = re.compile(
    r"effective|updated|revis|version|modified|published|issued|amended|last change|as of|dated"
    r"|stand\b|gültig|fassung|geändert|vigueur|mise à jour|vigor|actualiz|aggiornat|(?<!due )date\b|datum\b|fecha\b",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"\b(?:version|versión|versione|revision|release|edition|rev|ver|v)[.:]?\s{0,2}"
    r"(?P<number>\d{1,4}(?:\.\d{1,4}){0,3})(?P<letter>[a-z])?\b(?![-/]\d)",
    re.IGNORECASE,
)
_TITLE_NUMBER = re.compile(r"\b(?P<number>\d{1,3}\.\d{1,3}(?:\.\d{1,3})?)(?P<letter>[a-z])?\b")
_FRONT_MATTER = re.compile(r"\A\s*---\s*\n.*?\n---\s*(?:\n|\Z)", re.DOTALL)


def find_date(head: str, metadata: Metadata) -> str:
    """Give a document's date as "2026-05-03", or "2026-05" where it names no day; empty if it names none."""
    body = _FRONT_MATTER.sub("", head[:HEAD_CHARACTERS])
    near_top = ""
    for begin, value in _dates(body):
        line = body[max(0, begin - INTRODUCED_WITHIN) : begin]
        if _INTRODUCED.search(line.rpartition("\n\n")[2]):
            return value
        if not near_top and begin < TOP_CHARACTERS:
            near_top = value
    return near_top or _stated(metadata.modify_time) or _stated(metadata.create_time)


def _dates(body: str) -> Iterator[tuple[int, str]]:
    """Yield the dates of a text with their offsets, looking only around what may be a year."""
    done = 0
    for year in _YEAR.finditer(body):
        if year.start() < done:
            continue
        low = max(done, year.start() - BEFORE_YEAR)
        high = year.end() + AFTER_YEAR
        found = _DATE.search(body, low, high) or _MONTH_YEAR.search(body, low, high)
        value = _value(found) if found else ""
        if found and value:
            done = found.end()
            yield found.start(), value


def _value(found: re.Match[str]) -> str:
    if found.re is _MONTH_YEAR:
        return f"{found['year']}-{MONTHS[found['month'].casefold()]:02}"
    return parse_date(" ".join(found[0].split()))


def _stated(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def find_version(head: str, title: str) -> Version:
    """Give a document's version number, part by part with its letter ("1.3c"); empty if it names none."""
    body = _FRONT_MATTER.sub("", head[:HEAD_CHARACTERS])[:TOP_CHARACTERS]
    found = _VERSION.search(title) or _VERSION.search(body) or _TITLE_NUMBER.search(title)
    if not found:
        return ()
    parts = [(int(part), "") for part in found["number"].split(".")]
    parts[-1] = (parts[-1][0], (found["letter"] or "").casefold())
    return tuple(parts)
