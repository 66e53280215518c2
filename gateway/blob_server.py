"""BlobService: bytes in and out, in chunks, without holding a blob in memory."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from collatio.runtime.blobs.digest import BlobId, is_digest
from collatio.runtime.errors import CollatioError, Reason, invalid
from collatio.runtime.rpc.stage import tenant_of
from collatio.runtime.threads import to_end
from collatio.v1 import common_pb2, gateway_pb2_grpc
from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from collatio.runtime.blobs.store import BlobStore, BlobWriter

SERVICE = "collatio.v1.BlobService"
CHUNK_MAX = 1 << 20


class BlobServicer(gateway_pb2_grpc.BlobServiceServicer):
    """The service's methods. `upload_max` is in bytes."""

    def __init__(self, blobs: BlobStore, upload_max: int) -> None:
        self._blobs, self._upload_max = blobs, upload_max

    async def UploadBlob(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[pb.UploadBlobRequest], context: Any
    ) -> common_pb2.BlobRef:
        """Store an upload; a known digest ends it at once."""
        tenant = tenant_of(context)
        requests = aiter(request_iterator)
        header = await self._header(requests)
        if header.sha256:
            size = await asyncio.to_thread(self._blobs.stat, BlobId(tenant, header.sha256))
            if size is not None and header.size_bytes not in {0, size}:
                raise CollatioError(Reason.BLOB_DIGEST_MISMATCH, "The blob of this digest has another size.")
            if size is not None and await asyncio.to_thread(self._blobs.renew, BlobId(tenant, header.sha256)):
                return common_pb2.BlobRef(sha256=header.sha256, size_bytes=size)
        with ExitStack() as opened:
            writer = await to_end(lambda: opened.enter_context(self._blobs.writer(tenant, durable=True)))
            size = await self._receive(requests, writer, header)
            digest = await to_end(writer.commit)
            await asyncio.to_thread(self._blobs.sync)
        if header.sha256 and digest != header.sha256:
            raise CollatioError(Reason.BLOB_DIGEST_MISMATCH)
        return common_pb2.BlobRef(sha256=digest, size_bytes=size)

    async def _header(self, requests: AsyncIterator[pb.UploadBlobRequest]) -> pb.UploadHeader:
        first = await anext(requests, None)
        if first is None or first.WhichOneof("piece") != "header":
            raise invalid("header", "must be the first message")
        header = first.header
        if header.sha256 and not is_digest(header.sha256):
            raise invalid("header.sha256", "must be 64 lower-case hexadecimal digits")
        if header.size_bytes < 0:
            raise invalid("header.size_bytes", "must not be negative")
        if header.size_bytes > self._upload_max:
            raise CollatioError(Reason.BLOB_TOO_LARGE)
        return header

    async def _receive(
        self, requests: AsyncIterator[pb.UploadBlobRequest], writer: BlobWriter, header: pb.UploadHeader
    ) -> int:
        size = 0
        async for request in requests:
            if request.WhichOneof("piece") != "data":
                raise invalid("data", "must follow the header")
            data = request.data  # each look at the field copies it
            if len(data) > CHUNK_MAX:
                raise invalid("data", "at most 1 MiB a message")
            size += len(data)
            if size > self._upload_max:
                raise CollatioError(Reason.BLOB_TOO_LARGE)
            began = time.monotonic()
            await to_end(writer.write, data)
            await asyncio.sleep(time.monotonic() - began)  # at most half of the time: others call too
        if header.size_bytes and size != header.size_bytes:
            raise CollatioError(
                Reason.BLOB_DIGEST_MISMATCH, "The bytes are not as many as the header states."
            )
        return size

    async def ReadBlob(  # noqa: N802 - the RPC's name
        self, request: pb.ReadBlobRequest, context: Any
    ) -> AsyncIterator[pb.ReadBlobResponse]:
        """Stream a blob or a range of it."""
        if not is_digest(request.sha256):
            raise invalid("sha256", "must be 64 lower-case hexadecimal digits")
        if request.limit < 0:
            raise invalid("limit", "must not be negative")
        blob = BlobId(tenant_of(context), request.sha256)
        size = await asyncio.to_thread(self._blobs.stat, blob)
        if size is None:
            raise CollatioError(Reason.BLOB_NOT_FOUND)
        if not 0 <= request.offset <= size:
            raise invalid("offset", "must lie inside the blob")
        chunks = self._blobs.chunks(blob, request.offset, request.limit or None)
        while (data := await asyncio.to_thread(next, chunks, None)) is not None:
            yield pb.ReadBlobResponse(data=data)
