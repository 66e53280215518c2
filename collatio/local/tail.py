"""The last words of a program that failed, for a one-line error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BYTES = 16 * 1024
_CHARS = 300


def last_words(log: Path, since: int, lines: int = 2) -> str:
    """Join the last lines a log has after byte `since`; of a JSON line, its message only.

    Shape: at most 300 characters, empty where nothing was written. A log that was rotated is read whole.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            begin = since if since <= size else 0
            file.seek(max(begin, size - _BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    words = [_message(line) for line in text.splitlines() if line.strip()]
    return " | ".join(words[-lines:])[-_CHARS:]


def size_of(log: Path) -> int:
    """Measure a log before its program starts, so that an earlier run's words are not quoted."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def _message(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line.strip()
    if not isinstance(record, dict):
        return line.strip()
    for key in ("message", "msg", "event"):
        if isinstance(record.get(key), str):
            return str(record[key])
    return line.strip()
