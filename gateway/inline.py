"""Documents inside a request: their bytes go into the blob store, their digest stays in the spec.

A job's record holds no bytes. An inline document is kept as its name behind its digest ("DIGEST/name"), and
read back when the job's run asks the fetch stage for it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from collatio.v1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from collatio.runtime.blobs.store import BlobStore
    from collatio.v1 import common_pb2


async def store_inline(blobs: BlobStore, tenant: str, spec: pb.JobSpec) -> pb.JobSpec:
    """Return the spec as it is journaled. Errors: BLOB_STORE_FULL, BLOB_STORE_UNAVAILABLE."""
    kept = pb.JobSpec()
    kept.CopyFrom(spec)
    stored = False
    for source in (
        [*kept.sources, kept.compare.baseline.source] if kept.compare.HasField("baseline") else kept.sources
    ):
        if source.HasField("inline"):
            await _store(blobs, tenant, source.inline)
            stored = True
    if stored:
        await asyncio.to_thread(blobs.sync)
    return kept


def kept_name(document: common_pb2.InlineDocument) -> tuple[str, str]:
    """Return the digest and the name of an inline document, as `store_inline` left it."""
    digest, _, name = document.name.partition("/")
    return digest, name


async def _store(blobs: BlobStore, tenant: str, document: common_pb2.InlineDocument) -> None:
    put = partial(blobs.put, tenant, document.data, durable=True)
    digest = await asyncio.to_thread(put)
    document.name = f"{digest}/{document.name}"
    document.ClearField("data")
