"""Locked OOXML packages ([MS-OFFCRYPTO] 2.3.4): a compound file that holds the package enciphered, and how.

Agile encryption (Office 2010 and later) and standard encryption (2007), both by AES. A password is verified before
anything is deciphered.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import xml
from extract_svc.engine.locks.ciphers import AES_BLOCK, aes_cbc, aes_ecb
from extract_svc.engine.locks.office import stated, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from extract_svc.engine.cfb import CompoundFile

    _Lock = tuple[Callable[[str], bytes | None], Callable[[bytes, bytes], bytes]]

EXCELS_OWN = "VelvetSweatshop"
"""Excel locks read-only workbooks with it, and opens them without asking."""

_HASHES = {"SHA1": "sha1", "SHA-1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
_VERIFIER, _VERIFIED, _KEY = (
    bytes.fromhex(block) for block in ("fea7d2763b4b9e79", "d7aa0f6d3061344e", "146e0be7abacd0d6")
)
_SEGMENT = 4096
_SPINS_MAX = 10_000_000  # 2.3.4.10 allows no more
_STANDARD_SPINS = 50_000
_AES_IDS = frozenset((0x660E, 0x660F, 0x6610))


def unlock(compound: CompoundFile, passwords: Iterable[str]) -> bytes | None:
    """Decipher the package with the first password that fits; None where none does.

    Errors: CollatioError ENCRYPTED for a way of locking that is not known, DOCUMENT_CORRUPT.
    """
    info, package = compound.stream("EncryptionInfo"), compound.stream("EncryptedPackage")
    if len(info) < 8 or len(package) < 8:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The locked package is broken.")
    major, minor = struct.unpack_from("<HH", info)
    if (major, minor) == (4, 4):
        key_of, decipher = _agile(info[8:])
    elif minor == 2 and major in (2, 3, 4):
        key_of, decipher = _standard(info)
    else:
        raise unknown()
    size = int.from_bytes(package[:8], "little")
    for password in passwords:
        key = key_of(password)
        if key is not None:
            return decipher(key, package[8:])[:size]
    return None


def _agile(description: bytes) -> _Lock:
    root = xml.parse(description)
    data = next((e for e in root.iter() if xml.local(e.tag) == "keyData"), None)
    lock = next((e for e in root.iter() if xml.local(e.tag) == "encryptedKey" and e.get("spinCount")), None)
    if data is None or lock is None or {data.get("cipherAlgorithm"), lock.get("cipherAlgorithm")} != {"AES"}:
        raise unknown()
    hashed, salt, spins = _hash_of(lock), _bytes(lock, "saltValue"), int(lock.get("spinCount"))
    size = int(lock.get("keyBits")) // 8
    if not 0 <= spins <= _SPINS_MAX:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The lock's hash is repeated too often.")

    def key_of(password: str) -> bytes | None:
        """Derive the package's key, if the verifier says that the password is right (2.3.4.11, 2.3.4.13)."""
        spun = _spun(hashed, salt, password, spins)

        def opened(block: bytes, name: str) -> bytes:
            derived = hashed(spun + block).digest()
            key = derived[:size] + b"\x36" * (size - len(derived))
            return aes_cbc(key, salt[:AES_BLOCK], _bytes(lock, name))

        verifier = opened(_VERIFIER, "encryptedVerifierHashInput")[: len(salt)]
        expected = opened(_VERIFIED, "encryptedVerifierHashValue")
        found = hashed(verifier).digest()
        return opened(_KEY, "encryptedKeyValue")[:size] if _same(found, expected) else None

    def decipher(key: bytes, package: bytes) -> bytes:
        """Decipher segment by segment, each from a start of its own (2.3.4.15)."""
        hashes, own = _hash_of(data), _bytes(data, "saltValue")
        return b"".join(
            aes_cbc(
                key,
                hashes(own + struct.pack("<I", at // _SEGMENT)).digest()[:AES_BLOCK],
                package[at : at + _SEGMENT],
            )
            for at in range(0, len(package), _SEGMENT)
        )

    return key_of, decipher


def _standard(info: bytes) -> _Lock:
    """Read the header and the verifier (2.3.4.5), and derive by 2.3.4.7."""
    bits, salt, verifier, expected = stated(info, _AES_IDS, 2 * AES_BLOCK)

    def key_of(password: str) -> bytes | None:
        final = hashlib.sha1(_spun(hashlib.sha1, salt, password, _STANDARD_SPINS) + bytes(4)).digest()
        derived = b"".join(
            hashlib.sha1(
                bytes(a ^ b for a, b in zip(final.ljust(64, b"\0"), bytes([fill]) * 64, strict=True))
            ).digest()
            for fill in (0x36, 0x5C)
        )
        key = derived[: bits // 8]
        return key if _same(hashlib.sha1(aes_ecb(key, verifier)).digest(), aes_ecb(key, expected)) else None

    return key_of, aes_ecb


def _spun(hashed: Callable[..., Any], salt: bytes, password: str, spins: int) -> bytes:
    spun: bytes = hashed(salt + password.encode("utf-16-le", "replace")).digest()
    for number in range(spins):
        spun = hashed(number.to_bytes(4, "little") + spun).digest()
    return spun


def _same(found: bytes, padded: bytes) -> bool:
    return hmac.compare_digest(found, padded[: len(found)])


def _hash_of(element: Any) -> Callable[..., Any]:
    name = _HASHES.get((element.get("hashAlgorithm") or "").upper())
    if name is None:
        raise unknown()
    return getattr(hashlib, name)  # type: ignore[no-any-return] # one of four of its functions


def _bytes(element: Any, name: str) -> bytes:
    return base64.b64decode(element.get(name) or "")
