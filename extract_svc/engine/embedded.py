"""Takes the file out of what office documents wrap embedded files in."""

from __future__ import annotations

import struct

from collatio.runtime.errors import CollatioError
from extract_svc.engine import cfb

_PACKAGES = ("Package", "CONTENTS", "Contents", "EmbeddedOdf")


def unwrap(name: str, data: bytes) -> tuple[str, bytes]:
    """Answer the name and bytes of an embedded file; the wrapper itself where it is a document in its own right.

    An OLE object holds its file in an `Ole10Native` stream ([MS-OLEDS] 2.3.6) or in a stream of its own.
    """
    if not data.startswith(cfb.MAGIC):
        return name, data
    try:
        compound = cfb.CompoundFile(data)
    except CollatioError:
        return name, data
    native = compound.stream("\x01Ole10Native")
    if native:
        return _native(native) or (name, data)
    for stream in _PACKAGES:
        content = compound.stream(stream)
        if content:
            return name, content
    return name, data


def unwrap_storage(compound: cfb.CompoundFile, storage: str) -> tuple[str, bytes] | None:
    """Answer the file in an OLE object's storage inside a compound file, None if there is none to take."""
    native = compound.stream(f"{storage}/\x01Ole10Native")
    if native:
        return _native(native)
    for stream in _PACKAGES:
        content = compound.stream(f"{storage}/{stream}")
        if content:
            return storage.rpartition("/")[2], content
    return None


def _native(stream: bytes) -> tuple[str, bytes] | None:
    """Read an `Ole10Native` stream: size, flags, label, file name, flags, command, size, bytes."""
    if len(stream) < 12:
        return None
    at = 6
    label, at = _string(stream, at)
    path, at = _string(stream, at)
    at += 4
    if at + 4 <= len(stream):
        (length,) = struct.unpack_from("<I", stream, at)
        at += 4 + length
    if at + 4 > len(stream):
        return None
    (size,) = struct.unpack_from("<I", stream, at)
    content = stream[at + 4 : at + 4 + size]
    name = (label or path).replace("\\", "/").rpartition("/")[2]
    return (name or "embedded", content) if content else None


def _string(stream: bytes, at: int) -> tuple[str, int]:
    end = stream.find(b"\0", at)
    end = len(stream) if end < 0 else end
    return stream[at:end].decode("cp1252", "replace"), end + 1
