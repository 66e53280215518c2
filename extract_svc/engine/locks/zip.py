"""Zip entries under AES, as WinZip, 7-Zip and others lock them (APPNOTE 6.3.9, 7.2; WinZip's AE-1 and AE-2)."""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import TYPE_CHECKING

from extract_svc.engine.locks.ciphers import aes_counter
from extract_svc.engine.locks.deflated import inflate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

METHOD = 99
_FIELD = 0x9901
_SPINS = 1000
_SALTS = {1: 8, 2: 12, 3: 16}
_CHECK, _SEAL = 2, 10
_STORED, _DEFLATED = 0, 8


def unlock(raw: bytes, extra: bytes, passwords: Sequence[str], spend: Callable[[int], None]) -> bytes | None:
    """Open an entry's bytes with the first password whose seal holds; None where none does."""
    stated = _stated(extra)
    if stated is None or len(raw) < _SALTS[stated[0]] + _CHECK + _SEAL:
        return None
    strength, method = stated
    salt, body = raw[: _SALTS[strength]], raw[_SALTS[strength] : -_SEAL]
    size = 2 * len(salt)
    for password in passwords:
        derived = hashlib.pbkdf2_hmac(
            "sha1", password.encode("utf-8", "replace"), salt, _SPINS, 2 * size + _CHECK
        )
        if derived[-_CHECK:] != body[:_CHECK]:
            continue
        seal = hmac.digest(derived[size : 2 * size], body[_CHECK:], "sha1")[:_SEAL]
        if hmac.compare_digest(seal, raw[-_SEAL:]):
            return _inflated(aes_counter(derived[:size], body[_CHECK:]), method, spend)
    return None


def _stated(extra: bytes) -> tuple[int, int] | None:
    """Read the strength and the way of packing from the extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _FIELD and at + 11 <= len(extra):
            strength, method = struct.unpack_from("<BH", extra, at + 8)
            return (strength, method) if strength in _SALTS and method in (_STORED, _DEFLATED) else None
        at += 4 + size
    return None


def _inflated(data: bytes, method: int, spend: Callable[[int], None]) -> bytes:
    if method == _DEFLATED:
        return inflate(data, spend)
    spend(len(data))
    return data
