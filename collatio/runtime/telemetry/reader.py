"""Reads trace files back: for tests, for `collatio trace`, and for the report's waterfall.

A file that a process is still writing, or that its death cut short, may end in half a line: what cannot be read is
counted and left out. This module imports nothing of OpenTelemetry's.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """A link to a span, perhaps of another trace. Ids are lower-case hex."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened during a span; `time_ns` is nanoseconds since the Unix epoch."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span as it was written.

    Ids are lower-case hex, `parent_id` is None for a root, `kind` and `status` are the words of `KINDS` and
    `STATUSES`, times are nanoseconds since the Unix epoch, `resource` describes the process that made it.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    status_message: str
    attributes: Mapping[str, Any]
    events: tuple[EventRecord, ...]
    links: tuple[LinkRecord, ...]
    resource: Mapping[str, Any]

    @property
    def service(self) -> str:
        """The name of the service that made it."""
        return str(self.resource.get("service.name", ""))

    @property
    def duration_s(self) -> float:
        """How long it took, in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans in order of their start, and how many lines could not be read."""

    spans: tuple[SpanRecord, ...]
    unreadable_lines: int = 0

    def __iter__(self) -> Iterator[SpanRecord]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    def of_trace(self, trace_id: str) -> Spans:
        """Keep one trace's spans."""
        return Spans(tuple(span for span in self.spans if span.trace_id == trace_id), self.unreadable_lines)

    def named(self, name: str) -> list[SpanRecord]:
        """Find spans by their name."""
        return [span for span in self.spans if span.name == name]

    def children_of(self, parent: SpanRecord) -> list[SpanRecord]:
        """Find the spans directly under one."""
        return [
            span
            for span in self.spans
            if span.parent_id == parent.span_id and span.trace_id == parent.trace_id
        ]

    def roots(self) -> list[SpanRecord]:
        """Find the spans without a parent."""
        return [span for span in self.spans if span.parent_id is None]

    def orphans(self) -> list[SpanRecord]:
        """Find the spans whose parent is not here: lost, not yet exported, or made by the caller."""
        known = {(span.trace_id, span.span_id) for span in self.spans}
        return [
            span
            for span in self.spans
            if span.parent_id is not None and (span.trace_id, span.parent_id) not in known
        ]


def read_traces(folder: Path) -> Spans:
    """Read every `*.jsonl` file of a folder; one that is absent holds no spans."""
    lines: list[bytes] = []
    for path in sorted(folder.glob("*.jsonl")):
        try:
            lines += path.read_bytes().splitlines()
        except FileNotFoundError:  # set aside or removed by its process at this very moment
            continue
    return read_lines(lines)


def read_lines(lines: Iterable[bytes | str]) -> Spans:
    """Read spans from lines of OTLP JSON."""
    found: list[SpanRecord] = []
    unreadable = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            found += _request(json.loads(line))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            unreadable += 1
    found.sort(key=lambda span: (span.start_ns, span.end_ns, span.span_id))
    return Spans(tuple(found), unreadable)


def _request(request: Mapping[str, Any]) -> list[SpanRecord]:
    return [
        _span(span, resource)
        for part in request["resourceSpans"]
        for resource in (_attributes(part.get("resource", {}).get("attributes", ())),)
        for scope in part.get("scopeSpans", ())
        for span in scope.get("spans", ())
    ]


def _span(span: Mapping[str, Any], resource: Mapping[str, Any]) -> SpanRecord:
    status = span.get("status", {})
    return SpanRecord(
        trace_id=span["traceId"].lower(),
        span_id=span["spanId"].lower(),
        parent_id=span.get("parentSpanId", "").lower() or None,
        name=span.get("name", ""),
        kind=KINDS[int(span.get("kind", 0))],
        start_ns=int(span.get("startTimeUnixNano", 0)),
        end_ns=int(span.get("endTimeUnixNano", 0)),
        status=STATUSES[int(status.get("code", 0))],
        status_message=status.get("message", ""),
        attributes=_attributes(span.get("attributes", ())),
        events=tuple(
            EventRecord(
                event.get("name", ""),
                int(event.get("timeUnixNano", 0)),
                _attributes(event.get("attributes", ())),
            )
            for event in span.get("events", ())
        ),
        links=tuple(
            LinkRecord(
                link["traceId"].lower(), link["spanId"].lower(), _attributes(link.get("attributes", ()))
            )
            for link in span.get("links", ())
        ),
        resource=resource,
    )


def _attributes(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value", {})) for pair in pairs}


def _value(value: Mapping[str, Any]) -> Any:
    """Read an AnyValue; an empty one is None. Text and booleans stand as they are."""
    for kind, content in value.items():
        read = _READERS.get(kind)
        return content if read is None else read(content)
    return None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "intValue": int,
    "doubleValue": float,  # also "NaN" and "Infinity"
    "bytesValue": base64.b64decode,
    "arrayValue": lambda content: [_value(item) for item in content.get("values", ())],
    "kvlistValue": lambda content: _attributes(content.get("values", ())),
}
