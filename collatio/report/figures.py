"""Write figures as people read them. Everything here is the same in every place and language."""

from __future__ import annotations

from datetime import UTC, datetime

from collatio.report.markup import Markup, el

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def percent(similarity: float) -> str:
    """Write a similarity in percent; never 100% for what is not the same, nor 0 for what shares something."""
    tenths = round(similarity * 1000)
    if tenths >= 1000 and similarity < 1:
        tenths = 999
    if tenths == 0 and similarity > 0:
        tenths = 1
    return "100%" if tenths == 1000 else f"{tenths / 10:.1f}%"


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def moment(text: str) -> str:
    """Write a time of the contract (RFC 3339) for a person, in UTC; as it stands where it is none."""
    when = parsed(text)
    if when is None:
        return text
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when:%H:%M} UTC"


def parsed(text: str) -> datetime | None:
    """Read a time of the contract."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def duration(seconds: float) -> str:
    """Write a span of time with the unit that suits it."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def bar(similarity: float) -> Markup:
    """Draw a similarity as a small bar."""
    filled = round(min(1.0, max(0.0, similarity)) * 60, 1)
    return el(
        "svg",
        el("rect", width=60, height=6, rx=1, class_="bar-ground"),
        el("rect", width=filled, height=6, rx=1, class_="bar-fill"),
        class_="bar",
        viewBox="0 0 60 6",
        width=60,
        height=6,
        aria_hidden="true",
    )
