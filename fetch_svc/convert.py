"""Protobuf to what the stage's steps hold, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from collatio.runtime.rpc.stage import document_error
from collatio.v1 import common_pb2, fetch_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collatio.runtime.errors import CollatioError


def plugin_options(source: common_pb2.Source) -> dict[str, Any]:
    """Turn a source's options into plain values."""
    return dict(MessageToDict(source.plugin_options))


def fetched(
    uri: str, relative_path: str, found: Mapping[str, Any], timing: common_pb2.StepTiming | None
) -> fetch_pb2.FetchedDocument:
    """Make the message of a document in the blob store. `found`: sha256, size, media_type, reused."""
    return fetch_pb2.FetchedDocument(
        uri=uri,
        relative_path=relative_path,
        blob=common_pb2.BlobRef(
            sha256=found["sha256"], size_bytes=found["size"], media_type=found["media_type"]
        ),
        reused=bool(found.get("reused")),
        timing=timing,
    )


def failure(
    uri: str, relative_path: str, error: CollatioError, timing: common_pb2.StepTiming | None = None
) -> fetch_pb2.FetchFailure:
    """Make the message of a document, or a source, that could not be fetched."""
    return fetch_pb2.FetchFailure(
        uri=uri,
        relative_path=relative_path,
        error=document_error(error.reason, error.message, "fetch"),
        timing=timing,
    )
