"""Locked OpenDocument packages (OpenDocument 1.3 part 2, 3.4): each entry is enciphered by itself.

The manifest says how: a key for each entry by PBKDF2 from a digest of the password, AES or Blowfish, and a digest of
what the first kibibyte must be. What is deciphered is deflated. The package of LibreOffice's newest way, one entry
enciphered as a whole under a key of Argon2, is not opened.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extract_svc.engine import xml
from extract_svc.engine.locks.ciphers import AES_BLOCK, aes_cbc, blowfish_cfb
from extract_svc.engine.locks.deflated import inflate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from extract_svc.engine.parts import Parts

_SPINS_MAX = 10_000_000
_KEY_SIZES = frozenset((16, 24, 32))
_CHECKED = 1024
_PROBE = "content.xml"


@dataclass(frozen=True, slots=True)
class _Lock:
    """How one entry is enciphered."""

    cipher: str
    start: bytes
    digest: str
    salt: bytes
    spins: int
    key_size: int
    check: str
    expected: bytes

    @classmethod
    def of(cls, data: Any) -> _Lock:
        """Read an `encryption-data` element; what it does not say is OpenDocument 1.1's."""
        said = {xml.local(key): value for element in data.iter() for key, value in element.attrib.items()}
        return cls(
            cipher=said.get("algorithm-name", "").lower(),
            start=base64.b64decode(said.get("initialisation-vector", "")),
            digest="sha256" if said.get("start-key-generation-name", "").endswith("sha256") else "sha1",
            salt=base64.b64decode(said.get("salt", "")),
            spins=min(int(said.get("iteration-count") or 1024), _SPINS_MAX),
            key_size=_key_size(data),
            check="sha256" if "sha256" in said.get("checksum-type", "").lower() else "sha1",
            expected=base64.b64decode(said.get("checksum", "")),
        )

    def opened(self, data: bytes, password: str) -> bytes | None:
        """Decipher an entry, still deflated; None where the password is another, or the cipher not known."""
        first = hashlib.new(self.digest, password.encode("utf-8", "replace")).digest()
        key = hashlib.pbkdf2_hmac("sha1", first, self.salt, self.spins, self.key_size)
        if "aes" in self.cipher and "cbc" in self.cipher:
            if self.key_size not in _KEY_SIZES or len(self.start) != AES_BLOCK:
                return None
            found = aes_cbc(key, self.start, data)
            found = found[: -found[-1]] if found and found[-1] <= AES_BLOCK else found
        elif "blowfish" in self.cipher:
            found = blowfish_cfb(key, self.start, data)
        else:
            return None
        return found if hashlib.new(self.check, found[:_CHECKED]).digest() == self.expected else None


class OpenedPackage:
    """A package whose entries are read as if nothing had been locked; what inflates is told to `spend`."""

    def __init__(
        self, package: Parts, locks: dict[str, _Lock], password: str, spend: Callable[[int], None]
    ) -> None:
        self._package, self._locks, self._password, self._spend = package, locks, password, spend

    def __contains__(self, name: str) -> bool:
        return name in self._package

    def names(self) -> list[str]:
        """Name the entries in the archive's order."""
        return self._package.names()

    def read(self, name: str) -> bytes:
        """Read an entry; an absent one is empty, and so is one that the password does not open."""
        data, lock = self._package.read(name), self._locks.get(name)
        if lock is None or not data:
            return data
        found = lock.opened(data, self._password)
        if found is None:
            return b""
        return inflate(found, self._spend)


def unlock(
    package: Parts, manifest: bytes, passwords: Iterable[str], spend: Callable[[int], None]
) -> OpenedPackage | None:
    """Open a package with the first password that fits its content; None where none does."""
    locks: dict[str, _Lock] = {}
    for entry in xml.parse(manifest, doctype_allowed=True).iter():
        if xml.local(entry.tag) == "file-entry":
            path = next((v for k, v in entry.attrib.items() if xml.local(k) == "full-path"), "")
            for data in entry:
                if xml.local(data.tag) == "encryption-data":
                    locks[path] = _Lock.of(data)
    if _PROBE not in locks:
        return None
    content = package.read(_PROBE)
    for password in passwords:
        if locks[_PROBE].opened(content, password) is not None:
            return OpenedPackage(package, locks, password, spend)
    return None


def _key_size(data: Any) -> int:
    """Answer the size that the key's derivation states; the digest of the password states one of its own."""
    for element in data.iter():
        if xml.local(element.tag) == "key-derivation":
            stated = next((v for k, v in element.attrib.items() if xml.local(k) == "key-size"), "")
            return min(int(stated or AES_BLOCK), 64)
    return AES_BLOCK
