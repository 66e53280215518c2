"""An upload that is cancelled while a thread works for it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from collatio.runtime.blobs.local import LocalBlobs, LocalWriter
from collatio.v1 import gateway_pb2 as pb
from gateway.blob_server import BlobServicer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MIB = 1 << 20
TURNS = 10


class Gate:
    """Where a thread waits until it is let through."""

    def __init__(self) -> None:
        self.reached, self.opened, self.left = threading.Event(), threading.Event(), threading.Event()

    def wait(self) -> None:
        """Wait."""
        self.reached.set()
        assert self.opened.wait(10)


class HeldWriter(LocalWriter):
    """A writer whose thread waits before it writes."""

    gate: Gate

    def write(self, data: bytes) -> None:
        """Wait, then write."""
        self.gate.wait()
        try:
            super().write(data)
        finally:
            self.gate.left.set()


class HeldBlobs(LocalBlobs):
    """A store that holds an upload's thread after it has opened its file, or before it writes to it."""

    def __init__(self, root: Path, at: str) -> None:
        super().__init__(root)
        self.gate, self._at = Gate(), at

    def writer(self, tenant: str, *, durable: bool) -> LocalWriter:
        """Begin a blob."""
        if self._at == "write":
            held = HeldWriter(self, tenant, durable=durable)
            held.gate = self.gate
            return held
        made = super().writer(tenant, durable=durable)
        self.gate.wait()
        self.gate.left.set()
        return made


class Context:
    """A call without metadata."""

    def invocation_metadata(self) -> tuple[Any, ...]:
        """Tell nothing."""
        return ()


async def _endless() -> AsyncIterator[pb.UploadBlobRequest]:
    yield pb.UploadBlobRequest(header=pb.UploadHeader())
    yield pb.UploadBlobRequest(data=b"x" * MIB)
    await asyncio.Event().wait()


@pytest.mark.parametrize("at", ["open", "write"])
async def test_a_cancelled_upload_leaves_nothing(tmp_path: Path, at: str) -> None:
    """No partial file stays, and what its thread still writes goes into no file that was opened after its own."""
    blobs = HeldBlobs(tmp_path / "blobs", at)
    uploading = asyncio.create_task(BlobServicer(blobs, 1 << 30).UploadBlob(_endless(), Context()))
    assert await asyncio.to_thread(blobs.gate.reached.wait, 10)
    uploading.cancel()
    for _ in range(TURNS):
        await asyncio.sleep(0)
    other = tmp_path / "other"
    with other.open("wb"):
        blobs.gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await uploading
        assert await asyncio.to_thread(blobs.gate.left.wait, 10)
    assert list(blobs.incoming.iterdir()) == []
    assert other.read_bytes() == b""
