"""The stage's I/O: plans, extractions and comparisons in the blob store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.v1 import compare_pb2, extract_pb2

if TYPE_CHECKING:
    from typing import BinaryIO

    from collatio.runtime.blobs.store import BlobStore

LOST_RETRY_S = 0.2


def open_extraction(blobs: BlobStore, tenant: str, sha256: str) -> BinaryIO:
    """Open an extraction. Errors: EXTRACTION_LOST."""
    try:
        return blobs.open(BlobId(tenant, sha256))
    except CollatioError as error:
        if error.reason is Reason.BLOB_NOT_FOUND:
            raise CollatioError(Reason.EXTRACTION_LOST, retry_after_s=LOST_RETRY_S) from error
        raise


def read_plan(blobs: BlobStore, tenant: str, sha256: str) -> compare_pb2.ComparePlan:
    """Read a manifest or a plan."""
    return compare_pb2.ComparePlan.FromString(blobs.get(BlobId(tenant, sha256)))


def summarize(blobs: BlobStore, tenant: str, document: compare_pb2.CompareDocument) -> None:
    """Put in what the extraction holds, where the caller did not say. Errors: EXTRACTION_LOST."""
    if document.HasField("summary"):
        return
    with open_extraction(blobs, tenant, document.extraction.sha256) as file:
        extraction = extract_pb2.Extraction.FromString(file.read())
    document.summary.character_count = sum(len(block.text) for block in extraction.blocks)
    document.summary.block_count = len(extraction.blocks)
    document.summary.table_count = len(extraction.tables)
