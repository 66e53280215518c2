"""Archives and compressed files: every entry is a member; nothing is text of the archive's own.

An archive that holds itself is refused here; how deep members may nest is the caller's count, who extracts
them. RAR is only told, locked or not: no permissive library reads it.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import posixpath
import tarfile
import zlib
from typing import TYPE_CHECKING, Protocol

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import media_type as types
from extract_svc.engine import zstd
from extract_svc.engine.archive import Budget, Package
from extract_svc.engine.formats import lzw, sevenzip

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Sequence

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Limits, Options

_CHUNK = 256 * 1024
_LZMA_MEMORY = 128 * 1024 * 1024
_SUFFIXES = {
    "gz": "",
    "tgz": ".tar",
    "bz2": "",
    "tbz2": ".tar",
    "xz": "",
    "txz": ".tar",
    "lzma": "",
    "z": "",
    "zst": "",
    "tzst": ".tar",
}


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read an archive's entries."""
    kind, data, limits = document.media_type, document.data, options.limits
    if kind == types.ZIP:
        _zip(data, limits, options.passwords, draft)
    elif kind == types.TAR:
        _tar(data, limits, draft)
    elif kind == types.SEVEN_Z:
        _seven_zip(data, limits, options.passwords, draft)
    elif kind == types.RAR:
        _told_only(data)
    else:
        draft.member(_inner_name(document.name), _inflate(kind, data, limits))
    own = hashlib.sha256(data).digest()
    for member in draft.members:
        if len(member.data) == len(data) and hashlib.sha256(member.data).digest() == own:
            raise CollatioError(Reason.NESTING_LIMIT, "The archive holds itself.")


def _zip(data: bytes, limits: Limits, passwords: Sequence[str], draft: Draft) -> None:
    package = Package(data, limits)
    for info in package.infos():
        if info.is_dir() or info.filename.startswith("__MACOSX/"):
            continue
        if info.flag_bits & 1:
            opened = package.unlock(info.filename, passwords)
            if opened is not None:
                draft.member(_path(_entry_name(info)), opened)
                continue
            draft.warn("ENCRYPTED", "An entry is locked with a password and was left out.")
            continue
        draft.member(_path(_entry_name(info)), package.read(info.filename))


def _tar(data: bytes, limits: Limits, draft: Draft) -> None:
    budget = Budget(limits, len(data))
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for count, info in enumerate(archive):
                if count >= limits.max_entries:
                    raise CollatioError(Reason.DECOMPRESSION_LIMIT, "The archive has too many entries.")
                stream = archive.extractfile(info) if info.isreg() else None
                if stream is not None:
                    budget.spend(info.size)
                    draft.member(_path(info.name), stream.read())
    except tarfile.TarError as error:
        if not draft.members:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The archive is broken.") from error
        draft.warn("PARTIAL", "The archive breaks off; the entries before are here.")


def _inflate(kind: str, data: bytes, limits: Limits) -> bytes:
    budget = Budget(limits, len(data))
    if kind == types.COMPRESS:
        return lzw.inflate(data, budget)
    out: list[bytes] = []
    rest = data
    while rest:
        inflater = _inflater(kind, rest)
        size = 0
        try:
            while not inflater.eof:
                chunk = inflater.decompress(rest, _CHUNK)
                rest = b""
                if isinstance(inflater, _Gzip):
                    rest = inflater.tail
                size += len(chunk)
                budget.spend(len(chunk))
                out.append(chunk)
                if not chunk and not inflater.eof and not rest:
                    break
        except (zlib.error, OSError, EOFError, lzma.LZMAError, MemoryError, ValueError) as error:
            if isinstance(error, MemoryError) or "emory usage" in str(error):
                raise CollatioError(
                    Reason.DECOMPRESSION_LIMIT, "Inflating asks for too much memory."
                ) from error
            if not any(out):
                raise CollatioError(Reason.DOCUMENT_CORRUPT, "The compressed data is broken.") from error
            break
        rest = getattr(inflater, "unused_data", b"")
    return b"".join(out)


class _Gzip:
    """zlib's inflater in the shape of those of bz2 and lzma."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def tail(self) -> bytes:
        return self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inflate.decompress(data, max_length)


def _inflater(kind: str, data: bytes) -> _Inflater:
    if kind == types.GZIP:
        return _Gzip()
    if kind == types.LZMA and int.from_bytes(data[1:5], "little") > _LZMA_MEMORY:
        raise CollatioError(Reason.DECOMPRESSION_LIMIT, "Inflating asks for too much memory.")
    if kind == types.BZIP2:
        return bz2.BZ2Decompressor()
    if kind == types.ZSTD:
        return zstd.Inflater()
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_LZMA_MEMORY)


def _seven_zip(data: bytes, limits: Limits, passwords: Sequence[str], draft: Draft) -> None:
    left = 0
    for entry in sevenzip.entries(data, Budget(limits, len(data)), limits.max_entries, passwords):
        if entry.data is not None:
            draft.member(_path(entry.name), entry.data)
        elif entry.locked:
            draft.warn("ENCRYPTED", "An entry is locked with a password and was left out.")
        else:
            left += 1
    if left:
        draft.warn("PARTIAL", "Some entries are packed in a way that is not read.")
    if not draft.members and any(warning.code == "ENCRYPTED" for warning in draft.warnings):
        raise CollatioError(Reason.ENCRYPTED, "The archive is locked with a password.")
    if not draft.members and left:
        raise CollatioError(Reason.FORMAT_UNSUPPORTED, "The archive is packed in a way that is not read.")


def _told_only(data: bytes) -> None:
    if _rar_locked(data):
        raise CollatioError(Reason.ENCRYPTED, "The archive is locked with a password.")
    raise CollatioError(Reason.FORMAT_UNSUPPORTED, "Archives of type RAR are not read.")


def _rar_locked(data: bytes) -> bool:
    """Read RAR's headers for the flags of encryption: of the archive in the first, of a file in the next."""
    if data[6:8] == b"\x01\x00":
        return len(data) > 13 and data[12] == 4
    at = 7
    for _ in range(64):
        if at + 7 > len(data):
            return False
        kind, flags = data[at + 2], int.from_bytes(data[at + 3 : at + 5], "little")
        if (kind == 0x73 and flags & 0x80) or (kind == 0x74 and flags & 4):
            return True
        size = int.from_bytes(data[at + 5 : at + 7], "little")
        packed = int.from_bytes(data[at + 7 : at + 11], "little") if flags & 0x8000 or kind == 0x74 else 0
        if size < 7:
            return False
        at += size + packed
    return False


def _inner_name(name: str) -> str:
    stem, _, suffix = posixpath.basename(name).rpartition(".")
    return stem + _SUFFIXES[suffix.lower()] if stem and suffix.lower() in _SUFFIXES else "content"


def _entry_name(info: zipfile.ZipInfo) -> str:
    """Answer an entry's name, which many programs write as UTF-8 without saying so (APPNOTE 6.3.9, 4.4.4, bit 11)."""
    name = info.filename
    if info.flag_bits & 0x800 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return name


def _path(name: str) -> str:
    """Answer a member's path inside the archive, never upwards out of it."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "member"
