"""The block and stream ciphers that locks are made of, in the modes they use them in. All of them only decipher."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import modes

AES_BLOCK = 16


def aes_cbc(key: bytes, start: bytes, data: bytes) -> bytes:
    """Decipher AES in CBC mode; bytes past the last whole block are left out."""
    from cryptography.hazmat.primitives.ciphers import modes  # noqa: PLC0415 - few documents are locked

    return _aes(key, modes.CBC(start), data)


def aes_ecb(key: bytes, data: bytes) -> bytes:
    """Decipher AES block by block; bytes past the last whole block are left out."""
    from cryptography.hazmat.primitives.ciphers import modes  # noqa: PLC0415 - same

    return _aes(key, modes.ECB(), data)


def _aes(key: bytes, mode: modes.CBC | modes.ECB, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms  # noqa: PLC0415 - same

    whole = len(data) // AES_BLOCK * AES_BLOCK
    return Cipher(algorithms.AES(key), mode).decryptor().update(data[:whole])


def rc4(key: bytes, data: bytes) -> bytes:
    """Decipher RC4 from the start of its key stream."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4  # noqa: PLC0415 - same
    from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - same

    return Cipher(ARC4(key), None).decryptor().update(data)


def blowfish_cfb(key: bytes, start: bytes, data: bytes) -> bytes:
    """Decipher Blowfish in CFB mode."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish  # noqa: PLC0415 - same
    from cryptography.hazmat.decrepit.ciphers.modes import CFB  # noqa: PLC0415 - same
    from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - same

    return Cipher(Blowfish(key), CFB(start)).decryptor().update(data)


def aes_counter(key: bytes, data: bytes) -> bytes:
    """Decipher AES in counter mode as zip does: the counter begins at 1 and its lowest byte comes first."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - same

    counters = b"".join(number.to_bytes(16, "little") for number in range(1, len(data) // AES_BLOCK + 2))
    pad = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(counters)[: len(data)]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(len(data), "little")
