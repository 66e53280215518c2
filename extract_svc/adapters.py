"""The stage's I/O: options, inputs and results in the blob store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.frames import split
from collatio.runtime.sniff import sniff_bytes
from collatio.v1 import extract_pb2

if TYPE_CHECKING:
    from typing import BinaryIO

    from collatio.runtime.blobs.store import BlobStore

WARNINGS_MAX = 12
LOST_RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Stored:
    """An extraction in the blob store: its digest, what the ledger keeps of it, its members, whether it is provisional."""

    digest: str
    summary: dict[str, Any]
    members: list[dict[str, Any]]
    provisional: bool


def open_input(blobs: BlobStore, tenant: str, sha256: str) -> BinaryIO:
    """Open a fetched document. Errors: INPUT_LOST."""
    try:
        return blobs.open(BlobId(tenant, sha256))
    except CollatioError as error:
        if error.reason is Reason.BLOB_NOT_FOUND:
            raise CollatioError(Reason.INPUT_LOST, retry_after_s=LOST_RETRY_S) from error
        raise


def read_options(blobs: BlobStore, tenant: str, sha256: str) -> bytes:
    """Read a serialized ExtractSpec; none for an empty digest."""
    return blobs.get(BlobId(tenant, sha256)) if sha256 else b""


def store(blobs: BlobStore, tenant: str, answer: bytes) -> Stored:
    """Store what the sandbox returned: the members first, then the extraction that names them.

    The sandbox is not trusted: digests are those of the bytes that came.
    """
    facts, *pieces = split(answer)
    message = extract_pb2.Extraction.FromString(bytes(pieces[0]))
    members = []
    for member, piece in zip(message.members, pieces[1:], strict=True):
        member.blob.sha256 = blobs.put(tenant, bytes(piece))
        member.blob.size_bytes = len(piece)
        member.blob.media_type = member.blob.media_type or sniff_bytes(bytes(piece), member.path)
        members.append(
            {
                "path": member.path,
                "sha256": member.blob.sha256,
                "size": member.blob.size_bytes,
                "media_type": member.blob.media_type,
            }
        )
    data = message.SerializeToString(deterministic=True)
    digest = blobs.put(tenant, data)
    provisional = json.loads(bytes(facts))["provisional"] is True
    return Stored(digest, _summary(message, len(data)), members, provisional)


def _summary(message: extract_pb2.Extraction, size: int) -> dict[str, Any]:
    codes = sorted({warning.code for warning in message.warnings})
    return {
        "size": size,
        "pages": message.metadata.page_count or len(message.pages),
        "characters": sum(len(block.text) for block in message.blocks),
        "blocks": len(message.blocks),
        "tables": len(message.tables),
        "language": message.metadata.language[:35],
        "warnings": [code[:40] for code in codes[:WARNINGS_MAX]],
        "media_type": message.media_type[:120],
    }


def children_of(text: str) -> list[dict[str, Any]]:
    """Read a step's children."""
    return list(json.loads(text)) if text else []
