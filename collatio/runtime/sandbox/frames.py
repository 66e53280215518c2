"""The bytes that cross between pool child and sandbox: length-prefixed frames, never pickle.

A request is a prefix, the entry's name, the header; descriptors ride on its first byte (SCM_RIGHTS).
A reply is a prefix and a payload. `sequence` ties a reply to its request: a late or forged one does not fit.
The sandbox is untrusted once it has seen a document, so everything read from a reply is checked here: kind,
length against the caller's cap, and the JSON of errors field by field.
"""

from __future__ import annotations

import json
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUEST = struct.Struct("!BIHHI")  # kind, sequence, bytes of the entry, descriptors, bytes of the header
REPLY = struct.Struct("!BIQ")  # kind, sequence, bytes of the payload
HEADER_BYTES_MAX = 16 * 1024 * 1024
DESCRIPTORS_MAX = 250  # the kernel's SCM_MAX_FD is 253
ERROR_BYTES_MAX = 64 * 1024
EXIT_OUT_OF_MEMORY = 86  # a code of our own, none that a shell or sysexits.h uses
_DELAY_S_MAX = 86_400.0
_TEXT_MAX = 500
_LOCATIONS_MAX = 30
_METADATA_MAX = 16


class Ask(IntEnum):
    """What a request asks for."""

    LIMITS = 1
    CALL = 2


class Answer(IntEnum):
    """What a reply brings."""

    READY = 1
    RESULT = 2
    TYPED_ERROR = 3
    FAILURE = 4
    TOO_LARGE = 5
    BROKEN = 6


def encode_typed(error: CollatioError) -> bytes:
    """Write a typed error's fields as JSON."""
    fields = {
        "reason": error.reason.value,
        "message": error.message,
        "retry_after_s": error.retry_after_s,
        "metadata": error.metadata,
    }
    return json.dumps(fields).encode()


def decode_typed(payload: bytes) -> CollatioError:
    """Read a typed error, bounded in every field. Raises ValueError when it is not one."""
    fields = _mapping(payload)
    metadata = fields.get("metadata")
    pairs = list(metadata.items())[:_METADATA_MAX] if isinstance(metadata, dict) else []
    return CollatioError(
        Reason(clean(fields.get("reason"))),
        clean(fields.get("message")),
        retry_after_s=_delay(fields.get("retry_after_s")),
        metadata={clean(key): clean(value) for key, value in pairs},
    )


def encode_failure(kind: str, locations: Sequence[str]) -> bytes:
    """Write an unexpected exception's type name and places as JSON."""
    return json.dumps({"kind": kind, "locations": list(locations)[-_LOCATIONS_MAX:]}).encode()


def decode_failure(payload: bytes) -> tuple[str, list[str]]:
    """Read an exception's type name and places, bounded. Raises ValueError when it is neither."""
    fields = _mapping(payload)
    locations = fields.get("locations")
    places = locations[-_LOCATIONS_MAX:] if isinstance(locations, list) else []
    return clean(fields.get("kind")) or "unknown", [clean(place) for place in places]


def clean(value: object) -> str:
    """Keep what of an untrusted value may stand in a log line: printable, at most 500 characters."""
    text = value if isinstance(value, str) else ""
    return "".join(character for character in text[:_TEXT_MAX] if character.isprintable())


def _delay(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value <= _DELAY_S_MAX else None


def _mapping(payload: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(payload)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(fields, dict):
        raise ValueError("not an object")  # noqa: TRY004 - callers catch one class for all malformed bytes
    return fields
