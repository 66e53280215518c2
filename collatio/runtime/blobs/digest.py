"""Digests: how bytes are named."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_HEX = re.compile(r"[0-9a-f]{64}")
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
DEFAULT_TENANT = "default"
"""Who calls without credentials."""


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def is_digest(text: str) -> bool:
    """Tell whether text is a digest as this store writes them."""
    return _HEX.fullmatch(text) is not None


def is_tenant(text: str) -> bool:
    """Tell whether text may name a tenant: it becomes part of keys and paths."""
    return _TENANT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class BlobId:
    """A blob of a tenant: who may read it is part of its name."""

    tenant: str
    sha256: str

    def __post_init__(self) -> None:
        """Refuse what could leave the store's folder."""
        if not is_tenant(self.tenant) or not is_digest(self.sha256):
            raise ValueError("not a blob id")

    @property
    def path(self) -> str:
        """Its place below the store's root: two levels of fan-out keep folders small."""
        return f"{self.tenant}/{self.sha256[:2]}/{self.sha256[2:4]}/{self.sha256}"
