"""Send bytes into the blob store, by their digest.

The digest is computed first, so that bytes the mesh holds are not sent. Known ugliness: when a server answers
before the upload is through, as it does for a known digest, grpc.aio may report the chunk then on its way as
an INTERNAL error of the whole call (1.85: one call in eight). So a large upload first asks with the header
alone, where nothing can be on its way, and whatever is cut short is sent again by the caller: sending the same
bytes twice is sending them once.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import grpc.aio

from collatio.runtime.errors import Reason
from collatio.runtime.rpc.status import from_rpc_error
from collatio.v1 import gateway_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from collatio.client.calls import Metadata
    from collatio.client.messages import BlobRef

    Upload = grpc.aio.StreamUnaryMultiCallable[gateway_pb2.UploadBlobRequest, BlobRef]

CHUNK_BYTES = 1024 * 1024
PROBE_ABOVE_BYTES = 64 * 1024  # below, the bytes are sent in no more time than the question
_HASH_BYTES = 16 * 1024 * 1024
_SLOWEST_BYTES_PER_S = 128 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to upload: where they are, their SHA-256 and their number."""

    source: Path | bytes
    sha256: str
    size_bytes: int

    def header(self) -> gateway_pb2.UploadBlobRequest:
        """Make the upload's first message."""
        return gateway_pb2.UploadBlobRequest(
            header=gateway_pb2.UploadHeader(sha256=self.sha256, size_bytes=self.size_bytes)
        )

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Read the bytes in chunks of at most 1 MiB. Errors: OSError, as `open` raises it."""
        if isinstance(self.source, bytes):
            for start in range(0, len(self.source), CHUNK_BYTES):
                yield self.source[start : start + CHUNK_BYTES]
            return
        with await asyncio.to_thread(self.source.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk


async def measure(source: Path | bytes) -> Content:
    """Compute the digest and the size. Errors: OSError, as `open` raises it."""
    if isinstance(source, bytes):
        return Content(source, hashlib.sha256(source).hexdigest(), len(source))
    digest, size = hashlib.sha256(), 0
    with await asyncio.to_thread(source.open, "rb") as file:
        while read := await asyncio.to_thread(_hash_some, digest, file):
            size += read
    return Content(source, digest.hexdigest(), size)


async def send(method: Upload, content: Content, timeout_s: float, metadata: Metadata) -> BlobRef:
    """Upload once, sending no more than the header where the digest is known.

    Errors: AioRpcError, `CollatioError`, and OSError where the file cannot be read.
    """
    if content.size_bytes > PROBE_ABOVE_BYTES:
        held = await _ask(method, content, timeout_s, metadata)
        if held is not None:
            return held
    timeout_s += content.size_bytes / _SLOWEST_BYTES_PER_S
    call = method(None, timeout=timeout_s, metadata=metadata)
    try:
        # A write fails when the answer came before it; the call's own status, awaited below, then tells.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(content.header())
            async for chunk in content.chunks():
                if call.done():
                    break
                await call.write(gateway_pb2.UploadBlobRequest(data=chunk))
            await call.done_writing()
        return await call
    finally:
        call.cancel()


async def _ask(method: Upload, content: Content, timeout_s: float, metadata: Metadata) -> BlobRef | None:
    """Upload the header and no bytes: held bytes are answered, others cannot match their digest."""
    call = method(None, timeout=timeout_s, metadata=metadata)
    try:
        await call.write(content.header())
        await call.done_writing()
        return await call
    except grpc.aio.AioRpcError as error:
        if from_rpc_error(error).reason is Reason.BLOB_DIGEST_MISMATCH:
            return None
        raise
    finally:
        call.cancel()


def _hash_some(digest: hashlib._Hash, file: BinaryIO) -> int:
    """Take in a bounded piece, so that a thread never keeps an interrupted program waiting."""
    piece = file.read(_HASH_BYTES)
    digest.update(piece)
    return len(piece)
