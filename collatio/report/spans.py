"""The spans of a job's trace, as few facts as a waterfall needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collatio.runtime.telemetry.reader import SpanRecord

SPANS_MAX = 20_000
_KEPT = ("collatio.", "error.type")


@dataclass(frozen=True, slots=True)
class Bar:
    """A span: its ids in lower-case hex (`parent` empty for a root), times in nanoseconds since the epoch."""

    id: str
    parent: str
    name: str
    service: str
    start_ns: int
    end_ns: int
    failed: bool = False
    attributes: tuple[tuple[str, str], ...] = ()


def bars_from_spans(spans: Iterable[SpanRecord]) -> list[Bar]:
    """Take what is needed of spans as the trace files hold them."""
    return [
        Bar(
            span.span_id,
            span.parent_id or "",
            span.name,
            span.service,
            span.start_ns,
            span.end_ns,
            span.status == "ERROR",
            tuple(
                (key, str(value)) for key, value in sorted(span.attributes.items()) if key.startswith(_KEPT)
            ),
        )
        for span in spans
    ]


def trace_row(trace_id: str, bars: Iterable[Bar]) -> dict[str, Any]:
    """Make what `trace.json` holds: the spans in order of their start, at most `SPANS_MAX`."""
    ordered = sorted(bars, key=lambda bar: (bar.start_ns, -bar.end_ns, bar.id))
    row: dict[str, Any] = {
        "schemaVersion": 1,
        "traceId": trace_id,
        "spans": [_row(bar) for bar in ordered[:SPANS_MAX]],
    }
    if len(ordered) > SPANS_MAX:
        row["truncated"] = True
    return row


def _row(bar: Bar) -> dict[str, Any]:
    row: dict[str, Any] = {"spanId": bar.id, "name": bar.name, "service": bar.service}
    if bar.parent:
        row["parentSpanId"] = bar.parent
    row |= {"startNs": bar.start_ns, "endNs": bar.end_ns}
    if bar.failed:
        row["error"] = True
    if bar.attributes:
        row["attributes"] = dict(bar.attributes)
    return row


def bars_from_row(row: Mapping[str, Any]) -> tuple[Bar, ...]:
    """Read what `trace_row` made."""
    return tuple(
        Bar(
            str(each.get("spanId", "")),
            str(each.get("parentSpanId", "")),
            str(each.get("name", "")),
            str(each.get("service", "")),
            int(each.get("startNs", 0)),
            int(each.get("endNs", 0)),
            bool(each.get("error")),
            tuple((str(key), str(value)) for key, value in sorted(each.get("attributes", {}).items())),
        )
        for each in row.get("spans", ())
    )
