"""What is read from a sandbox is bounded and checked field by field."""

from __future__ import annotations

import json

import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.sandbox import frames


def test_a_typed_error_comes_back_whole() -> None:
    """Reason, message, delay and metadata survive the way."""
    error = CollatioError(Reason.NESTING_LIMIT, "Too deep.", retry_after_s=1.5, metadata={"depth": "9"})
    found = frames.decode_typed(frames.encode_typed(error))
    assert (found.reason, found.message, found.retry_after_s) == (Reason.NESTING_LIMIT, "Too deep.", 1.5)
    assert found.metadata == {"depth": "9"}


@pytest.mark.parametrize("delay", [-1, 1e300, float("nan"), float("inf"), "5", None, True])
def test_a_senseless_delay_is_dropped(delay: object) -> None:
    """A sandbox cannot make a caller wait for ever."""
    fields = {"reason": "INTERNAL", "message": "m", "retry_after_s": delay, "metadata": {}}
    found = frames.decode_typed(json.dumps(fields).encode())
    assert found.retry_after_s is None or found.retry_after_s <= 86_400


def test_texts_are_bounded_and_printable() -> None:
    """No control characters and no floods reach a log through an error."""
    fields = {
        "reason": "INTERNAL",
        "message": "a\x1b[31m\n" + "b" * 10_000,
        "metadata": {str(number): ["not text"] for number in range(100)},
    }
    found = frames.decode_typed(json.dumps(fields).encode())
    assert found.message.isprintable()
    assert len(found.message) <= 500
    assert len(found.metadata) <= 16
    assert set(found.metadata.values()) == {""}


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b"\xff", b'{"reason": 5}', b"[" * 60_000])
def test_malformed_errors_are_value_errors(payload: bytes) -> None:
    """Whatever the bytes are, there is one way to be wrong."""
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the promise, its text differs
        frames.decode_typed(payload)


def test_a_failure_keeps_the_innermost_places() -> None:
    """Of a deep recursion, the end is what tells."""
    places = [f"module:{line} f" for line in range(1000)]
    kind, found = frames.decode_failure(frames.encode_failure("RecursionError", places))
    assert kind == "RecursionError"
    assert found == places[-30:]


def test_a_failure_without_sense_is_still_one() -> None:
    """Missing or wrong fields become "unknown", not an error of ours."""
    assert frames.decode_failure(b'{"kind": 3, "locations": "x"}') == ("unknown", [])
