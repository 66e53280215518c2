"""What a 200 MiB upload costs a gateway's other callers, and its memory: `python -m tests.benchmarks.upload_latency`.

A gateway of its own, a Valkey of its own, and the callers of unary methods in a process apart from the one that
uploads, so that the figures are the gateway's. Prints p50 and p99 of GetJob without and with the upload, their ratio,
and by how much the gateway's resident memory grew. Uploads follow each other for as long as calls are measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio

from collatio.v1 import gateway_pb2 as pb
from collatio.v1 import gateway_pb2_grpc
from tests.support.valkey import valkey_server
from tests.wire.mesh.test_blobs import MIB, gateway_process, rss_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CALLS, PACE_S = 2_000, 0.005
LARGE_MIB = 200
Upload = pb.UploadBlobRequest


async def measure(address: str) -> list[float]:
    """Call GetJob at a steady pace, one after another; each call's milliseconds."""
    found = []
    async with grpc.aio.insecure_channel(address) as channel:
        jobs: Any = gateway_pb2_grpc.JobServiceStub(channel)
        for _ in range(CALLS):
            began = time.perf_counter()
            call = jobs.GetJob(pb.GetJobRequest(name="jobs/absent"))
            if await call.code() is not grpc.StatusCode.NOT_FOUND:
                raise RuntimeError(await call.details())
            found.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(PACE_S)
    return found


async def measured(address: str) -> list[float]:
    """Measure in a process of its own."""
    argv = [sys.executable, "-m", "tests.benchmarks.upload_latency", address]
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    return list(json.loads(out))


async def keep_uploading(address: str, pid: int, high: list[int]) -> None:
    """Upload again and again until cancelled, each time other bytes; `high` takes the highest memory of each."""
    chunk = os.urandom(MIB)

    async def pieces() -> AsyncIterator[Upload]:
        yield Upload(header=pb.UploadHeader(size_bytes=LARGE_MIB * MIB))
        for _ in range(LARGE_MIB):
            yield Upload(data=os.urandom(16) + chunk[16:])
            high[-1] = max(high[-1], rss_bytes(pid))

    async with grpc.aio.insecure_channel(address) as channel:
        blobs: Any = gateway_pb2_grpc.BlobServiceStub(channel)
        while True:
            high.append(0)
            await blobs.UploadBlob(pieces())


async def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, valkey_server(Path(folder)) as valkey:
        async with gateway_process(valkey.url, Path(folder)) as (pid, address):
            await measured(address)
            before = rss_bytes(pid)
            alone = await measured(address)
            high: list[int] = []
            uploading = asyncio.create_task(keep_uploading(address, pid, high))
            beside = await measured(address)
            uploading.cancel()
            await asyncio.wait([uploading])
    p99 = [statistics.quantiles(values, n=100)[98] for values in (alone, beside)]
    p50 = [statistics.median(values) for values in (alone, beside)]
    print(f"GetJob alone           p50 {p50[0]:.1f} ms, p99 {p99[0]:.1f} ms")
    print(f"beside 200 MiB uploads p50 {p50[1]:.1f} ms, p99 {p99[1]:.1f} ms, {p99[1] / p99[0]:.1f} times")
    grown = [(highest - before) / MIB for highest in high]
    print(
        f"memory grew by         {grown[0]:.1f} MiB in the first upload, {max(grown):.1f} MiB in {len(grown)}"
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(asyncio.run(measure(sys.argv[1]))))
    else:
        asyncio.run(main())
