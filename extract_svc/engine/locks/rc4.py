"""Locked binary office documents: RC4 of 40 bits and of the CryptoAPI ([MS-OFFCRYPTO] 2.3.5 and 2.3.6).

A stream is enciphered in blocks, the key of each made of the password's and the block's number. How large blocks
are, and what stands between them in the clear, the formats know.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extract_svc.engine.locks.ciphers import rc4
from extract_svc.engine.locks.office import stated, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_RC4 = 0x6801


@dataclass(frozen=True, slots=True)
class Key:
    """What a right password gives: a key for each block."""

    of_block: Callable[[int], bytes]

    def decipher(self, data: bytes, block_bytes: int) -> bytes:
        """Decipher a stream from its start on, block by block."""
        return b"".join(
            rc4(self.of_block(at // block_bytes), data[at : at + block_bytes])
            for at in range(0, len(data), block_bytes)
        )

    def decipher_block(self, number: int, data: bytes) -> bytes:
        """Decipher what is one block, whatever its size."""
        return rc4(self.of_block(number), data)


def key_of(header: bytes, passwords: Iterable[str]) -> Key | None:
    """Answer the key that the first fitting password makes with an EncryptionHeader; None where none fits.

    Errors: CollatioError ENCRYPTED for a way of locking that is not known.
    """
    derive: Callable[[bytes, bytes, int], Callable[[int], bytes]]
    major, minor = struct.unpack_from("<HH", header)
    if (major, minor) == (1, 1) and len(header) >= 52:
        salt, verifier, expected = header[4:20], header[20:36], header[36:52]
        bits, digest, derive = 40, hashlib.md5, _old
    elif minor == 2 and major in (2, 3, 4):
        bits, salt, verifier, expected = stated(header, {_RC4}, hashlib.sha1().digest_size)
        digest, derive = hashlib.sha1, _crypto_api
    else:
        raise unknown()
    for password in passwords:
        of_block = derive(password.encode("utf-16-le", "replace"), salt, bits or 40)
        opened = rc4(of_block(0), verifier + expected)
        if hmac.compare_digest(digest(opened[:16]).digest(), opened[16:]):
            return Key(of_block)
    return None


def _old(password: bytes, salt: bytes, _bits: int) -> Callable[[int], bytes]:
    """Derive by 2.3.6.2."""
    base = hashlib.md5((hashlib.md5(password).digest()[:5] + salt) * 16).digest()[:5]
    return lambda block: hashlib.md5(base + struct.pack("<I", block)).digest()


def _crypto_api(password: bytes, salt: bytes, bits: int) -> Callable[[int], bytes]:
    """Derive by 2.3.5.2: a key of 40 bits is filled up with zeros."""
    base = hashlib.sha1(salt + password).digest()

    def of_block(block: int) -> bytes:
        key = hashlib.sha1(base + struct.pack("<I", block)).digest()[: bits // 8]
        return key.ljust(16, b"\0") if bits == 40 else key

    return of_block
