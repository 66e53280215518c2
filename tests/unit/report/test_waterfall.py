"""A trace as a picture."""

from __future__ import annotations

import re

from collatio.report.spans import SPANS_MAX, Bar, bars_from_row, trace_row
from collatio.report.waterfall import waterfall

ROOT = Bar("r", "", "job.run", "collatio-gateway", 0, 1_000_000_000)


def test_spans_of_one_kind_share_a_lane() -> None:
    """Ten thousand documents are one lane, not ten thousand."""
    leaves = [Bar(f"{at}", "r", "document", "collatio-fetch-work", at, at + 5) for at in range(10_000)]
    html = waterfall([ROOT, *leaves]) or ""
    assert html.count('class="lane"') == 2
    assert "document × 10,000" in html  # noqa: RUF001 - the sign that the picture shows


def test_lanes_stand_under_their_parents() -> None:
    """A span under another kind of parent has a lane of its own."""
    spans = [
        ROOT,
        Bar("a", "r", "send", "s", 1, 9),
        Bar("b", "a", "process", "s", 2, 9),
        Bar("c", "r", "process", "s", 3, 9),
    ]
    labels = re.findall(r'class="label">([^<]+)', waterfall(spans) or "")
    assert labels == ["job.run", "send", "process", "process"]


def test_failed_spans_are_told_apart() -> None:
    """By their own shade."""
    assert "f-failed" in (waterfall([ROOT, Bar("a", "r", "tile", "s", 1, 2, failed=True)]) or "")


def test_odd_traces_are_drawn_all_the_same() -> None:
    """No spans, a span without length, a parent that is missing, parents in a circle."""
    assert waterfall([]) is None
    circle = [Bar("a", "b", "x", "s", 5, 5), Bar("b", "a", "y", "s", 5, 5), Bar("c", "zz", "z", "s", 5, 5)]
    assert (waterfall(circle) or "").count('class="lane"') >= 3


def test_a_trace_survives_its_file() -> None:
    """What is written is read back; a trace too long is cut and says so."""
    span = Bar("a", "r", "tile", "s", 1, 2, failed=True, attributes=(("collatio.pair.count", "5"),))
    assert bars_from_row(trace_row("t", [ROOT, span])) == (ROOT, span)
    assert trace_row("t", [ROOT] * (SPANS_MAX + 1))["truncated"]
