"""The key of a locked 7z folder: SHA-256 over the password as often as the folder says (7-Zip, 7zAes.cpp)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.locks.ciphers import AES_BLOCK, aes_cbc

_POWER_MAX = 24  # 7-Zip's own limit
_AS_IT_IS = 0x3F


@dataclass(frozen=True, slots=True)
class AesLock:
    """What a coder's properties say. Errors: CollatioError DOCUMENT_CORRUPT, for a hash repeated too often too."""

    power: int
    salt: bytes
    start: bytes

    @classmethod
    def of(cls, properties: bytes) -> AesLock:
        """Read them."""
        first = properties[0] if properties else 0
        salt_size, start_size, at = first >> 7 & 1, first >> 6 & 1, 1
        if first & 0xC0:
            salt_size, start_size, at = salt_size + (properties[1] >> 4), start_size + (properties[1] & 15), 2
        power = first & 0x3F
        if _POWER_MAX < power < _AS_IT_IS:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The lock's hash is repeated too often.")
        salt = properties[at : at + salt_size]
        return cls(power, salt, properties[at + salt_size :][:start_size].ljust(AES_BLOCK, b"\0"))

    def decipher(self, data: bytes, password: str) -> bytes:
        """Decipher a folder's stream; whether the password was right, its checksum tells."""
        return aes_cbc(self._key(password.encode("utf-16-le", "replace")), self.start, data)

    def _key(self, password: bytes) -> bytes:
        if self.power == _AS_IT_IS:
            return (self.salt + password)[:32].ljust(32, b"\0")
        hashed, seed = hashlib.sha256(), self.salt + password
        for number in range(1 << self.power):
            hashed.update(seed + number.to_bytes(8, "little"))
        return hashed.digest()
