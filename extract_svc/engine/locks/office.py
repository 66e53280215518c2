"""What the locks of office documents share: their header ([MS-OFFCRYPTO] 2.3.2) and its verifier (2.3.3)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Container

_SALT = _VERIFIER = 16


class Stated(NamedTuple):
    """The bits of a key, its salt, a number enciphered with it, and that number's hash, enciphered likewise."""

    bits: int
    salt: bytes
    verifier: bytes
    expected: bytes


def stated(header: bytes, algorithms: Container[int], hash_bytes: int) -> Stated:
    """Read a header; its hash is enciphered in so many bytes.

    Errors: CollatioError ENCRYPTED for an algorithm that is not one of these, or a header that is too short.
    """
    (size,) = struct.unpack_from("<I", header, 8)
    algorithm, _, bits = struct.unpack_from("<III", header, 12 + 8)
    at = 12 + size + 4
    verifier = at + _SALT
    expected = verifier + _VERIFIER + 4
    if algorithm not in algorithms or len(header) < expected + hash_bytes:
        raise unknown()
    return Stated(
        bits,
        header[at:verifier],
        header[verifier : verifier + _VERIFIER],
        header[expected : expected + hash_bytes],
    )


def unknown() -> CollatioError:
    """Make the error for a way of locking that is not known."""
    return CollatioError(Reason.ENCRYPTED, "The office document is locked in a way that is not supported.")
