"""Normalises what documents state of themselves: times to UTC, keywords split, languages to BCP 47."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from extract_svc.engine.model import Metadata, MetadataEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

_ISO = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ](\d\d):(\d\d)(?::(\d\d))?(?:[.,]\d+)?\s*(Z|[+-]\d\d:?\d\d)?)?\s*$"
)
_PDF = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?([Zz]|[+-]\d\d(?:'?\d\d)?)?")
_KEYWORD_BREAK = re.compile(r"[;,\n]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$")
_KEYS = {
    "title": ("title", "dc:title", "og:title", "dc.title", "citation_title"),
    "author": ("author", "creator", "dc:creator", "initial-creator", "dc.creator", "citation_author", "from"),
    "subject": ("subject", "description", "dc:subject", "dc:description", "og:description", "dc.description"),
    "keywords": ("keywords", "keyword", "news_keywords"),
    "created": ("created", "dcterms:created", "creationdate", "creation-date", "date", "dc:date", "dc.date"),
    "modified": ("modified", "dcterms:modified", "moddate", "last-modified", "article:modified_time"),
    "language": ("language", "lang", "dc:language", "dc.language", "content-language"),
}


def parse_time(text: str) -> datetime | None:
    """Read a stated time: ISO 8601, or a PDF date (ISO 32000-1, 7.9.4); None where it is neither.

    A time without a zone is taken as UTC.
    """
    text = text.strip()
    found = _ISO.match(text) or _PDF.match(text)
    if not found:
        return None
    *parts, zone = found.groups()
    year, month, day, hour, minute, second = (
        int(part or least) for part, least in zip(parts, (0, 1, 1, 0, 0, 0), strict=True)
    )
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=_zone(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    digits = re.sub(r"\D", "", text or "")
    if not digits:
        return UTC
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4] or 0))
    return timezone(-offset if text and text[0] == "-" else offset)


def as_utf8(text: str) -> str:
    """Join surrogates that belong together and replace those that do not: every text can be UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def language_tag(text: str) -> str:
    """Write a stated language as a BCP 47 tag; "" where it is not one."""
    text = text.strip().replace("_", "-")
    return text if _LANGUAGE.match(text) else ""


def normalise(
    stated: Mapping[str, str], *, page_count: int = 0, language: str = "", creator_is_author: bool = True
) -> Metadata:
    """Make Metadata of what a format states, whose keys stay as they are under `raw`.

    In PDF the "Creator" is a program, not a person: say so by `creator_is_author`.
    """
    kept = {as_utf8(key): as_utf8(value.strip()) for key, value in stated.items() if value and value.strip()}
    lower = {key.lower(): value for key, value in kept.items()}
    if not creator_is_author:
        lower.pop("creator", None)

    def first(name: str) -> str:
        return next((lower[key] for key in _KEYS[name] if lower.get(key)), "")

    return Metadata(
        title=" ".join(first("title").split()),
        author=" ".join(first("author").split()),
        subject=first("subject"),
        keywords=tuple(word.strip() for word in _KEYWORD_BREAK.split(first("keywords")) if word.strip()),
        create_time=parse_time(first("created")),
        modify_time=parse_time(first("modified")),
        language=language_tag(language or first("language")),
        page_count=page_count,
        raw=tuple(MetadataEntry(key, value) for key, value in sorted(kept.items())),
    )
