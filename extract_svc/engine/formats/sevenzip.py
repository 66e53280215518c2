"""7z archives, unpacked by libraries for streams: LZMA, LZMA2, BZip2, Deflate and Zstandard, with branch filters.

The layout is that of 7zFormat.txt in the LZMA SDK (public domain): a signature header points at the header, which
may itself be packed; the header names packed streams, folders (a chain of coders each) and files. A folder's files
stand one after the other in what it unpacks to. A locked folder is tried with each password; its checksum tells which
is right. Folders whose coders branch (BCJ2) and other methods are left out.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import zstd
from extract_svc.engine.locks.sevenzip import AesLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extract_svc.engine.archive import Budget

_HEADER_BYTES = 32
_END, _HEADER, _STREAMS, _FILES = 0, 1, 4, 5
_PACK_INFO, _FOLDERS, _SUBSTREAMS, _SIZE, _CRC, _FOLDER, _UNPACK_SIZE, _STREAM_COUNT = (
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
)
_EMPTY_STREAM, _EMPTY_FILE, _NAMES, _PACKED_HEADER = 14, 15, 17, 23
_COPY, _DELTA, _LZMA2, _LZMA, _DEFLATE, _BZIP2 = (
    b"\0",
    b"\x03",
    b"\x21",
    b"\x03\x01\x01",
    b"\x04\x01\x08",
    b"\x04\x02\x02",
)
_ZSTD = b"\x04\xf7\x11\x01"
_AES = b"\x06\xf1\x07\x01"
_BRANCHES = {
    b"\x03\x03\x01\x03": lzma.FILTER_X86, b"\x04": lzma.FILTER_X86, b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM, b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
}  # fmt: skip
_MEMORY_MAX = 128 * 1024 * 1024
_CHUNK = 256 * 1024
_MANY = 100_000


@dataclass(slots=True)
class _Folder:
    coders: list[tuple[bytes, bytes]] = field(default_factory=list)
    linear: bool = True
    outs: int = 0
    crc: int | None = None
    packed: int = 1
    order: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        last = self.order[0] if self.order else len(self.sizes) - 1
        return self.sizes[last] if 0 <= last < len(self.sizes) else 0


@dataclass(slots=True)
class _Streams:
    at: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[_Folder] = field(default_factory=list)
    files: list[list[int]] = field(default_factory=list)
    crcs: list[list[int | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive; `data` is None where it is locked or packed in a way that is not read."""

    name: str
    data: bytes | None
    locked: bool = False


def entries(data: bytes, budget: Budget, entries_max: int, passwords: Sequence[str] = ()) -> Iterator[Entry]:
    """Yield an archive's files, in order.

    Errors: CollatioError DOCUMENT_CORRUPT, ENCRYPTED where even the names are locked, DECOMPRESSION_LIMIT.
    """
    offset, size = struct.unpack_from("<QQ", data, 12) if len(data) >= _HEADER_BYTES else (0, 0)
    header = data[_HEADER_BYTES + offset : _HEADER_BYTES + offset + size]
    if len(header) != size:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The archive breaks off.")
    for _ in range(4):  # a packed header may hold a packed one
        if header[:1] != bytes((_PACKED_HEADER,)):
            break
        streams = _streams(_Reader(header, 1))
        if not streams.folders:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The archive's header is broken.")
        unpacked = _unpacked(data, streams, 0, budget, passwords)
        if unpacked is None:
            locked = any(coder == _AES for coder, _ in streams.folders[0].coders)
            raise CollatioError(Reason.ENCRYPTED if locked else Reason.FORMAT_UNSUPPORTED)
        header = unpacked
    yield from _files(data, header, budget, entries_max, passwords)


def _files(
    data: bytes, header: bytes, budget: Budget, entries_max: int, passwords: Sequence[str]
) -> Iterator[Entry]:
    if not header:
        return
    reader, streams, names = _Reader(header, 1), _Streams(), [("", False)][:0]
    while (kind := reader.byte()) != _END:
        if kind == _STREAMS:
            streams = _streams(reader)
        elif kind == _FILES:
            names = _names(reader)
            break
        else:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The archive's header is broken.")
    if len(names) > entries_max:
        raise CollatioError(Reason.DECOMPRESSION_LIMIT, "The archive has too many entries.")
    filled = iter([name for name, empty in names if not empty])
    for number, sizes in enumerate(streams.files):
        content = _unpacked(data, streams, number, budget, passwords)
        locked = any(coder == _AES for coder, _ in streams.folders[number].coders)
        at = 0
        for size, name in zip(sizes, filled, strict=False):
            yield Entry(name, None if content is None else content[at : at + size], locked)
            at += size


def _unpacked(
    data: bytes, streams: _Streams, number: int, budget: Budget, passwords: Sequence[str]
) -> bytes | None:
    """Unpack a folder; None where one of its coders is not read, or no password fits."""
    folder = streams.folders[number]
    if not folder.order or folder.packed != 1:
        return None
    stream = sum(each.packed for each in streams.folders[:number])
    begin = _HEADER_BYTES + streams.at + sum(streams.packed[:stream])
    content = data[begin : begin + streams.packed[stream]]
    if not any(coder == _AES for coder, _ in folder.coders):
        return _run(folder, content, budget)
    for password in passwords:
        try:
            found = _run(folder, content, budget, password)
        except CollatioError as error:
            if error.reason is not Reason.DOCUMENT_CORRUPT:
                raise
            continue  # a wrong password makes noise of it
        if found is not None and _is_right(found, streams, number):
            return found
    return None


def _run(folder: _Folder, content: bytes, budget: Budget, password: str = "") -> bytes | None:
    steps = _steps(folder, password)
    if steps is None:
        return None
    for step in steps:
        content = _inflated(step, content, folder.size, budget)
    return content[: folder.size] if len(content) >= folder.size else None


def _is_right(content: bytes, streams: _Streams, number: int) -> bool:
    """Tell whether a folder unpacked to what its checksums say; a header may have none, but begins as one."""
    pieces = [(folder_crc, content)] if (folder_crc := streams.folders[number].crc) is not None else []
    at = 0
    for size, crc in zip(streams.files[number], streams.crcs[number], strict=False):
        if crc is not None:
            pieces.append((crc, content[at : at + size]))
        at += size
    if not pieces:
        return content[:1] in (bytes((_HEADER,)), bytes((_PACKED_HEADER,)))
    return all(zlib.crc32(piece) == crc for crc, piece in pieces)


class _Opened:
    """A locked stream as a step: all of it at once."""

    def __init__(self, properties: bytes, password: str) -> None:
        self._lock, self._password = AesLock.of(properties), password

    def decompress(self, data: bytes, _max: int) -> bytes:
        return self._lock.decipher(data, self._password) if data else b""


def _steps(folder: _Folder, password: str) -> list[Any] | None:
    """Make the decompressors of a folder, the first to run first; filters join the LZMA coder they belong to."""
    steps: list[Any] = []
    filters: list[dict[str, Any]] = []
    for coder, properties in (folder.coders[n] for n in folder.order):
        if coder in _BRANCHES:
            filters.append({"id": _BRANCHES[coder]})
        elif coder == _DELTA:
            filters.append({"id": lzma.FILTER_DELTA, "dist": (properties[0] if properties else 0) + 1})
        elif coder in (_LZMA, _LZMA2):
            filters.append(_lzma(coder, properties))
            steps.append(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters))
            filters = []
        elif coder == _BZIP2:
            steps.append(bz2.BZ2Decompressor())
        elif coder == _DEFLATE:
            steps.append(zlib.decompressobj(-15))
        elif coder == _ZSTD:
            steps.append(zstd.Inflater())
        elif coder == _AES and password:
            steps.append(_Opened(properties, password))
        elif coder != _COPY:
            return None
    return None if filters else steps[::-1]


def _lzma(coder: bytes, properties: bytes) -> dict[str, Any]:
    if coder == _LZMA2:
        bits = properties[0] if properties else 0
        size = 0xFFFFFFFF if bits >= 40 else (2 | bits & 1) << (bits // 2 + 11)
        found: dict[str, Any] = {"id": lzma.FILTER_LZMA2, "dict_size": size}
    else:
        packed, size = properties[0], int.from_bytes(properties[1:5], "little")
        found = {
            "id": lzma.FILTER_LZMA1, "dict_size": size, "lc": packed % 9, "lp": packed // 9 % 5, "pb": packed // 45,
        }  # fmt: skip
    if size > _MEMORY_MAX:
        raise CollatioError(Reason.DECOMPRESSION_LIMIT, "Inflating asks for too much memory.")
    found["dict_size"] = max(size, 4096)
    return found


def _inflated(step: Any, content: bytes, size: int, budget: Budget) -> bytes:
    out: list[bytes] = []
    made = 0
    try:
        while made < size:
            chunk = step.decompress(content, _CHUNK)
            content = getattr(step, "unconsumed_tail", b"")
            if not chunk:
                break
            made += len(chunk)
            budget.spend(len(chunk))
            out.append(chunk)
    except (lzma.LZMAError, OSError, EOFError, zlib.error, ValueError) as error:
        if not out:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The archive is broken.") from error
    return b"".join(out)


class _Reader:
    """Reads a header's numbers and bits, which run short in a broken one (IndexError, told as corrupt)."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        """Read a number of one to nine bytes: the leading ones of the first say how many follow."""
        first, mask, value = self.byte(), 0x80, 0
        for place in range(8):
            if not first & mask:
                return value + ((first & (mask - 1)) << (8 * place))
            value |= self.byte() << (8 * place)
            mask >>= 1
        return value

    def count(self) -> int:
        found = self.number()
        if found > _MANY:
            raise CollatioError(Reason.DECOMPRESSION_LIMIT, "The archive has too many entries.")
        return found

    def bits(self, count: int) -> list[bool]:
        data = self.take((count + 7) // 8)
        return [bool(data[n // 8] >> (7 - n % 8) & 1) for n in range(count)]

    def defined(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.bits(count)

    def digests(self, count: int) -> list[int | None]:
        """Read checksums, None where there is none."""
        return [int.from_bytes(self.take(4), "little") if there else None for there in self.defined(count)]


def _streams(reader: _Reader) -> _Streams:
    found = _Streams()
    while (kind := reader.byte()) != _END:
        if kind == _PACK_INFO:
            found.at, count = reader.number(), reader.count()
            while (inner := reader.byte()) != _END:
                if inner == _SIZE:
                    found.packed = [reader.number() for _ in range(count)]
                else:
                    reader.digests(count)
        elif kind == _FOLDERS:
            _read_folders(reader, found)
        elif kind == _SUBSTREAMS:
            _read_substreams(reader, found)
        else:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The archive's header is broken.")
    found.files = found.files or [[folder.size] for folder in found.folders]
    found.crcs = found.crcs or [[] for _ in found.folders]
    return found


def _read_folders(reader: _Reader, found: _Streams) -> None:
    while (kind := reader.byte()) != _END:
        if kind == _FOLDER:
            count = reader.count()
            if reader.byte():
                raise CollatioError(Reason.FORMAT_UNSUPPORTED, "The archive's folders lie elsewhere.")
            found.folders = [_read_folder(reader) for _ in range(count)]
        elif kind == _UNPACK_SIZE:
            for folder in found.folders:
                folder.sizes = [reader.number() for _ in range(folder.outs)]
        else:
            for folder, crc in zip(found.folders, reader.digests(len(found.folders)), strict=True):
                folder.crc = crc


def _read_folder(reader: _Reader) -> _Folder:
    folder = _Folder()
    ins = 0
    for _ in range(reader.count()):
        flags = reader.byte()
        name = reader.take(flags & 15)
        taken, given = (reader.count(), reader.count()) if flags & 16 else (1, 1)
        folder.linear &= (taken, given) == (1, 1)
        ins, folder.outs = ins + taken, folder.outs + given
        folder.coders.append((name, reader.take(reader.number()) if flags & 32 else b""))
    fed_by = [(reader.number(), reader.number()) for _ in range(max(0, folder.outs - 1))]
    folder.packed = ins - len(fed_by)
    for _ in range(folder.packed if folder.packed > 1 else 0):
        reader.number()
    folder.order = _order(dict(fed_by), len(folder.coders)) if folder.linear else []
    return folder


def _order(fed_by: dict[int, int], count: int) -> list[int]:
    """Answer a chain's coders as they packed: the first of them gives the files, the last takes the stream."""
    given = set(fed_by.values())
    at = next((n for n in range(count) if n not in given), None)
    order: list[int] = []
    while at is not None and at not in order:
        order.append(at)
        at = fed_by.get(at)
    return order if len(order) == count and max(order, default=-1) < count else []


def _read_substreams(reader: _Reader, found: _Streams) -> None:
    counts = [1] * len(found.folders)
    kind = reader.byte()
    if kind == _STREAM_COUNT:
        counts = [reader.count() for _ in found.folders]
        kind = reader.byte()
    found.files = []
    for folder, count in zip(found.folders, counts, strict=True):
        sizes = [reader.number() for _ in range(count - 1)] if kind == _SIZE else []
        found.files.append([*sizes, folder.size - sum(sizes)] if count else [])
    if kind == _SIZE:
        kind = reader.byte()
    while kind != _END:
        open_counts = [
            0 if n == 1 and f.crc is not None else n for f, n in zip(found.folders, counts, strict=True)
        ]
        crcs = iter(reader.digests(sum(open_counts)))
        found.crcs = [[next(crcs) for _ in range(count)] for count in open_counts]
        kind = reader.byte()


def _names(reader: _Reader) -> list[tuple[str, bool]]:
    """Read the files' names, each with whether it has no bytes."""
    count = reader.count()
    names, empty = [""] * count, [False] * count
    while (kind := reader.byte()) != _END:
        block = reader.take(reader.number())
        if kind == _EMPTY_STREAM:
            empty = _Reader(block, 0).bits(count)
        elif kind == _NAMES:
            texts = block[1:].decode("utf-16-le", "replace").split("\0")
            names = (texts + names)[:count]
    return list(zip(names, empty, strict=True))
