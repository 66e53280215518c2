"""Opens zip packages (OOXML, OpenDocument, EPUB, plain zip) and counts every byte that inflates.

The limits of RELIABILITY section 5, rule 6: entries, total bytes and ratio, measured while inflating and not
believed from the headers. The ratio speaks only past a first mebibyte: small XML parts pack very well.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import zstd
from extract_svc.engine.locks import zip as aes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extract_svc.engine.model import Limits

_RATIO_FROM_BYTES = 8 * 1024 * 1024
_ZSTANDARD = 93  # APPNOTE 6.3.9, 4.4.5
_CHUNK = 256 * 1024


class Budget:
    """What may still be inflated for one document."""

    def __init__(self, limits: Limits, packed_bytes: int) -> None:
        self._limits = limits
        self._packed = max(packed_bytes, 1)
        self.total = 0

    def spend(self, size: int) -> None:
        """Count inflated bytes. Errors: CollatioError DECOMPRESSION_LIMIT."""
        self.total += size
        if self.total > self._limits.max_inflated_bytes:
            raise CollatioError(Reason.DECOMPRESSION_LIMIT, "The document inflates past the byte limit.")
        if self.total > _RATIO_FROM_BYTES and self.total > self._limits.max_ratio * self._packed:
            raise CollatioError(Reason.DECOMPRESSION_LIMIT, "The document inflates past the ratio limit.")


class Package:
    """A zip file in memory whose parts are found by name, without case where the case does not fit.

    Errors: CollatioError DOCUMENT_CORRUPT for a broken zip, DECOMPRESSION_LIMIT for too many entries.
    """

    def __init__(self, data: bytes, limits: Limits, budget: Budget | None = None) -> None:
        self._data = data
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The zip package is broken.") from error
        infos = self._zip.infolist()
        if len(infos) > limits.max_entries:
            raise CollatioError(Reason.DECOMPRESSION_LIMIT, "The package has too many entries.")
        self.budget = budget or Budget(limits, len(data))
        self._infos = {info.filename: info for info in infos}
        self._folded = {name.lower().replace("\\", "/").lstrip("/"): name for name in self._infos}

    def __contains__(self, name: str) -> bool:
        return name in self._infos or name.lower().lstrip("/") in self._folded

    def names(self) -> list[str]:
        """Name the entries in the archive's order."""
        return list(self._infos)

    def infos(self) -> Iterator[zipfile.ZipInfo]:
        """Yield the entries in the archive's order."""
        yield from self._infos.values()

    def unlock(self, name: str, passwords: Sequence[str]) -> bytes | None:
        """Inflate a locked part with the first password that fits; None where none does.

        The old cipher (APPNOTE 6.3.9, 6.1) and AES. Errors: CollatioError DECOMPRESSION_LIMIT.
        """
        info = self._infos[name]
        if info.compress_type == aes.METHOD:
            return aes.unlock(self._raw(info), info.extra, passwords, self.budget.spend)
        for password in passwords:
            parts: list[bytes] = []
            try:
                with self._zip.open(info, pwd=password.encode("utf-8", "replace")) as stream:
                    while chunk := stream.read(_CHUNK):
                        self.budget.spend(len(chunk))
                        parts.append(chunk)
            except (RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError):
                continue
            return b"".join(parts)
        return None

    def _raw(self, info: zipfile.ZipInfo) -> bytes:
        """Answer an entry's bytes as they stand, behind its own header (APPNOTE 6.3.9, 4.3.7)."""
        lengths = self._data[info.header_offset + 26 : info.header_offset + 30]
        begin = info.header_offset + 30 + sum(struct.unpack("<HH", lengths))
        return self._data[begin : begin + info.compress_size]

    def _unframed(self, info: zipfile.ZipInfo) -> bytes:
        """Inflate a part that is packed by Zstandard, which `zipfile` reads from Python 3.14 on."""
        inflater, parts, raw = zstd.Inflater(), [], self._raw(info)
        try:
            while not inflater.eof and (chunk := inflater.decompress(raw, _CHUNK)):
                self.budget.spend(len(chunk))
                parts.append(chunk)
                raw = b""
        except ValueError as error:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "A part of the package is broken.") from error
        return b"".join(parts)

    def read(self, name: str) -> bytes:
        """Inflate a part; an absent one is empty.

        Errors: CollatioError ENCRYPTED, DOCUMENT_CORRUPT, DECOMPRESSION_LIMIT.
        """
        info = self._infos.get(name) or self._infos.get(self._folded.get(name.lower().lstrip("/"), ""))
        if info is None:
            return b""
        if info.flag_bits & 1:
            raise CollatioError(Reason.ENCRYPTED, "A part of the package is locked with a password.")
        if info.compress_type == _ZSTANDARD:
            return self._unframed(info)
        parts = []
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    self.budget.spend(len(chunk))
                    parts.append(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
            if not parts or isinstance(error, NotImplementedError):
                raise CollatioError(Reason.DOCUMENT_CORRUPT, "A part of the package is broken.") from error
        return b"".join(parts)


def resolve(base: str, target: str) -> str:
    """Answer the part name a relationship's target means, seen from the part `base`."""
    if target.startswith("/"):
        return posixpath.normpath(target).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), target)).lstrip("/")
