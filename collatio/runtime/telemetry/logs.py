"""Logs as JSON lines that carry the trace they belong to.

An exception is written as its type, those of its causes, and the places it passed through; never its text and
never a line of source with values in it, because parsers put pieces of documents into both.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from opentelemetry import trace

from collatio.runtime.telemetry.tracing import error_type

if TYPE_CHECKING:
    from types import TracebackType

_FRAMES_MAX = 20
_CAUSES_MAX = 5
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object a line.

    Keys: `time` (RFC 3339, UTC, milliseconds), `level`, `logger`, `message`, `service`; `trace_id` and `span_id`
    where a span is current; `error` where there is an exception; and what a caller passed as
    `extra={"fields": {…}}`, which cannot replace the others.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line: dict[str, object] = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": self._service,
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = trace.format_trace_id(context.trace_id)
            line["span_id"] = trace.format_span_id(context.span_id)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            line = {str(key): value for key, value in fields.items()} | line
        return json.dumps(line, default=str)


class PlainFormatter(logging.Formatter):
    """Writes a record for a person at a terminal; control characters are shown, not obeyed."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        text = f"{_time(record).astimezone():%H:%M:%S} {record.levelname:<7} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            error = describe(record.exc_info[1])
            text += f" [{error['type']} at {', '.join(error['at'][-1:]) or 'an unknown place'}]"
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            text += f" trace={trace.format_trace_id(context.trace_id)}"
        return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def describe(error: BaseException) -> dict[str, list[str] | str]:
    """Describe an exception without its text: type, causes (nearest first), places (innermost last)."""
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < _CAUSES_MAX:
        causes.append(error_type(cause))
        cause = cause.__cause__ or cause.__context__
    described: dict[str, list[str] | str] = {"type": error_type(error), "at": _places(error.__traceback__)}
    return {**described, "causes": causes} if causes else described


def configure_logging(
    level: int | str, stream: TextIO, *, service: str, json: bool = False
) -> logging.Handler:
    """Send all logs to one stream: for a person on a terminal, as JSON lines elsewhere or where `json` asks.

    Replaces the root logger's handlers, so that calling it again changes the format; returns the new handler.
    """
    plain = stream.isatty() and not json
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainFormatter() if plain else JsonFormatter(service))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    return handler


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _places(frames: TracebackType | None) -> list[str]:
    summary = traceback.extract_tb(frames)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in summary[-_FRAMES_MAX:]]
