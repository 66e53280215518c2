"""BlobService over real connections: bytes in and out by digest, large ones without holding the gateway."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest

from collatio.runtime.blobs.digest import BlobId, digest_of
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.status import from_rpc_error
from collatio.v1 import common_pb2 as common
from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tests.support.served_mesh import ServedMesh

MIB = 1 << 20
LARGE_MIB = 200
GROWTH_MAX = 40 * MIB
Upload = pb.UploadBlobRequest


def blobs_of(served: ServedMesh) -> Any:
    """Make a stub of the gateway's blobs."""
    return gateway_pb2_grpc.BlobServiceStub(served.channel())


def pieces(data: bytes, size: int = MIB, **header: Any) -> Iterator[Upload]:
    """Make an upload."""
    yield Upload(header=pb.UploadHeader(**header))
    yield from (Upload(data=data[at : at + size]) for at in range(0, len(data), size))


async def error_of(call: Any) -> CollatioError:
    """Return the typed error a call fails with; one that gRPC's core made up is asked for again."""
    while True:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call()
        if caught.value.code() is not grpc.StatusCode.INTERNAL or caught.value.trailing_metadata():
            return from_rpc_error(caught.value)


async def read(blobs: Any, **request: Any) -> list[bytes]:
    """Read a blob's chunks."""
    return [chunk.data async for chunk in blobs.ReadBlob(pb.ReadBlobRequest(**request))]


async def test_bytes_come_back_by_their_digest(served: ServedMesh) -> None:
    """In chunks of at most 1 MiB, whole or in a range."""
    blobs, data = blobs_of(served), os.urandom(2 * MIB + 7)
    digest = digest_of(data)
    made = await blobs.UploadBlob(pieces(data, 300_000))
    assert made == common.BlobRef(sha256=digest, size_bytes=len(data))
    chunks = await read(blobs, sha256=digest)
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= MIB
    for offset, limit in ((0, 1), (5, 0), (MIB - 1, 2), (len(data), 0), (len(data) - 3, 100)):
        found = b"".join(await read(blobs, sha256=digest, offset=offset, limit=limit))
        assert found == data[offset : offset + limit if limit else None]


async def test_an_empty_blob_is_a_blob(served: ServedMesh) -> None:
    """Nothing but a header is zero bytes."""
    blobs = blobs_of(served)
    made = await blobs.UploadBlob(pieces(b""))
    assert made.sha256 == digest_of(b"")
    assert await read(blobs, sha256=made.sha256) == []


async def test_a_known_digest_ends_the_upload_at_once(served: ServedMesh) -> None:
    """Its bytes are not waited for; a size that is not the blob's is refused."""
    blobs = blobs_of(served)
    digest = served.blobs.put("default", b"hello")
    waiting = asyncio.Event()

    async def header_alone() -> AsyncIterator[Upload]:
        yield Upload(header=pb.UploadHeader(sha256=digest, size_bytes=5))
        await waiting.wait()

    async with asyncio.timeout(5):
        assert (await blobs.UploadBlob(header_alone())).size_bytes == 5
    error = await error_of(lambda: blobs.UploadBlob(pieces(b"", sha256=digest, size_bytes=6)))
    assert error.reason is Reason.BLOB_DIGEST_MISMATCH


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        (list(pieces(b"hello", sha256="0" * 64)), Reason.BLOB_DIGEST_MISMATCH),
        (list(pieces(b"hello", size_bytes=6)), Reason.BLOB_DIGEST_MISMATCH),
        (list(pieces(b"hello", size_bytes=1 << 40)), Reason.BLOB_TOO_LARGE),
        (list(pieces(b"hello", size_bytes=-1)), Reason.INVALID_REQUEST),
        (list(pieces(b"hello", sha256="zz")), Reason.INVALID_REQUEST),
        ([Upload(data=b"hello")], Reason.INVALID_REQUEST),
        ([Upload(header=pb.UploadHeader())] * 2, Reason.INVALID_REQUEST),
        (list(pieces(b"x" * (MIB + 1), 2 * MIB)), Reason.INVALID_REQUEST),
        ([], Reason.INVALID_REQUEST),
    ],
)
async def test_an_upload_is_what_its_header_says(
    served: ServedMesh, requests: list[Upload], reason: Reason
) -> None:
    """Whatever is not is refused, and leaves nothing behind on its way in."""
    blobs = blobs_of(served)
    error = await error_of(lambda: blobs.UploadBlob(iter(requests)))
    assert error.reason is reason
    assert list(served.blobs.incoming.iterdir()) == []


async def test_an_upload_that_breaks_leaves_nothing(served: ServedMesh) -> None:
    """A caller that goes away in the middle makes no blob and no partial file."""
    blobs = blobs_of(served)
    sent = asyncio.Event()

    async def endless() -> AsyncIterator[Upload]:
        yield Upload(header=pb.UploadHeader())
        yield Upload(data=b"x" * MIB)
        sent.set()
        await asyncio.Event().wait()

    call = blobs.UploadBlob(endless())
    await sent.wait()
    async with asyncio.timeout(5):
        while not list(served.blobs.incoming.iterdir()):
            await asyncio.sleep(0)
    call.cancel()
    async with asyncio.timeout(5):
        while list(served.blobs.incoming.iterdir()):
            await asyncio.sleep(0)


async def test_reading_minds_its_bounds(served: ServedMesh) -> None:
    """A range outside the blob, and a blob that is not there."""
    blobs = blobs_of(served)
    digest = served.blobs.put("default", b"hello")
    for offset, limit, field in ((6, 0, "offset"), (-1, 0, "offset"), (0, -1, "limit")):
        error = await error_of(lambda o=offset, n=limit: read(blobs, sha256=digest, offset=o, limit=n))
        assert [violation.field for violation in error.violations] == [field]
    error = await error_of(lambda: read(blobs, sha256="0" * 64))
    assert error.reason is Reason.BLOB_NOT_FOUND
    assert served.blobs.stat(BlobId("other", digest)) is None


@asynccontextmanager
async def gateway_process(
    state_url: str, folder: Path, start: Sequence[str] = ()
) -> AsyncIterator[tuple[int, str]]:
    """Run a gateway of its own; yields its process id and address. `start`: the command that becomes it."""
    argv = [*start, sys.executable, "-m", "gateway", "serve", "--state-url", state_url, "--drain-s", "0"]
    argv += ["--blob-url", (folder / "blobs").as_uri(), "--grace-s", "0", "--listen", "127.0.0.1:0"]
    for stage in ("fetch", "extract", "compare"):
        argv += [f"--{stage}-target", "127.0.0.1:1"]
    process = await asyncio.create_subprocess_exec(*argv, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        port = ""
        while not port:
            line = (await process.stderr.readline()).decode()
            assert line, "the gateway ended"
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            port = found[1] if found else ""
        reading = asyncio.create_task(process.stderr.read())
        yield process.pid, f"127.0.0.1:{port}"
        reading.cancel()
    finally:
        process.terminate()
        await process.wait()


def rss_bytes(pid: int) -> int:
    """Read how much memory a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def latencies(channel: grpc.aio.Channel, until: asyncio.Event) -> list[float]:
    """Call GetJob, one call after another, until told to stop; returns each call's seconds."""
    jobs: Any = gateway_pb2_grpc.JobServiceStub(channel)
    found = []
    while not until.is_set():
        began = time.perf_counter()
        with pytest.raises(grpc.aio.AioRpcError):
            await jobs.GetJob(pb.GetJobRequest(name="jobs/absent"))
        found.append(time.perf_counter() - began)
        if not len(found) % 10:
            await asyncio.sleep(0)
    return found


@pytest.fixture
def on_a_small_disk(tmp_path: Path) -> Sequence[str]:
    """The command that starts a program with a blob folder on a disk of its own, of 4 MiB."""
    unshare = shutil.which("unshare") or pytest.skip("needs unshare, of util-linux")
    alone = [unshare, "--user", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs a kernel that gives user namespaces")
    (tmp_path / "blobs").mkdir()
    mount = f'mount -t tmpfs -o size=4m disk "{tmp_path / "blobs"}" && exec "$@"'
    return [*alone, "sh", "-c", mount, "sh"]


def seen_by(pid: int, folder: Path) -> list[Path]:
    """List a folder as a process sees it."""
    return list(Path(f"/proc/{pid}/root{folder}").iterdir())


async def test_fault_19_an_upload_to_a_full_disk(
    state_url: str, tmp_path: Path, on_a_small_disk: Sequence[str]
) -> None:
    """It is refused when there is no room, nothing of it is left, and what does fit is taken after it."""
    async with (
        gateway_process(state_url, tmp_path, on_a_small_disk) as (pid, address),
        grpc.aio.insecure_channel(address) as channel,
    ):
        blobs: Any = gateway_pb2_grpc.BlobServiceStub(channel)
        error = await error_of(lambda: blobs.UploadBlob(pieces(os.urandom(6 * MIB))))
        assert error.reason is Reason.BLOB_STORE_FULL
        assert not seen_by(pid, tmp_path / "blobs" / "incoming")
        await blobs.UploadBlob(pieces(os.urandom(3 * MIB)))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which is Linux's")
async def test_a_large_upload_neither_fills_the_gateway_nor_blocks_it(state_url: str, tmp_path: Path) -> None:
    """200 MiB pass through with less than 40 MiB of growth, and unary calls are answered all the while."""
    async with gateway_process(state_url, tmp_path) as (pid, address):
        async with grpc.aio.insecure_channel(address) as channel, grpc.aio.insecure_channel(address) as other:
            blobs: Any = gateway_pb2_grpc.BlobServiceStub(channel)
            await channel.channel_ready()
            await blobs.UploadBlob(pieces(os.urandom(4 * MIB)))
            before, highest = rss_bytes(pid), 0
            chunk, digest = os.urandom(MIB), hashlib.sha256()
            done = asyncio.Event()
            asking = asyncio.create_task(latencies(other, done))

            async def upload() -> AsyncIterator[Upload]:
                nonlocal highest
                yield Upload(header=pb.UploadHeader(size_bytes=LARGE_MIB * MIB))
                for number in range(LARGE_MIB):
                    data = number.to_bytes(8, "big") + chunk[8:]
                    digest.update(data)
                    yield Upload(data=data)
                    highest = max(highest, rss_bytes(pid))

            made = await blobs.UploadBlob(upload())
            done.set()
            calls = await asking
        assert made.sha256 == digest.hexdigest()
        assert made.size_bytes == LARGE_MIB * MIB
        assert highest - before < GROWTH_MAX
        assert len(calls) > 20
        assert statistics.median(calls) < 0.25
