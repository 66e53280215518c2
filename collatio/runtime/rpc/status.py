"""The one place where a `CollatioError` becomes a gRPC status and back (AIP-193).

A status carries each detail type at most once and stays under 7 KiB serialized, with its message as the trailer
`grpc-message` repeats it: past 8 KiB of trailers a client sees RESOURCE_EXHAUSTED in place of the real answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from collatio.runtime.errors import CATALOGUE, Category, CollatioError, Reason, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

DOMAIN = "collatio"
DETAILS_KEY = "grpc-status-details-bin"
STATUS_BYTES_MAX = 7 * 1024
MESSAGE_BYTES_MAX = 1024
METADATA_CHARS_MAX = 256

CODES: Mapping[Category, int] = {
    Category.INVALID: code_pb2.INVALID_ARGUMENT,
    Category.NOT_FOUND: code_pb2.NOT_FOUND,
    Category.EXISTS: code_pb2.ALREADY_EXISTS,
    Category.DENIED: code_pb2.PERMISSION_DENIED,
    Category.UNAUTHENTICATED: code_pb2.UNAUTHENTICATED,
    Category.PRECONDITION: code_pb2.FAILED_PRECONDITION,
    Category.EXHAUSTED: code_pb2.RESOURCE_EXHAUSTED,
    Category.DEADLINE: code_pb2.DEADLINE_EXCEEDED,
    Category.CANCELLED: code_pb2.CANCELLED,
    Category.UNAVAILABLE: code_pb2.UNAVAILABLE,
    Category.UNIMPLEMENTED: code_pb2.UNIMPLEMENTED,
    Category.DATA_LOSS: code_pb2.DATA_LOSS,
    Category.INTERNAL: code_pb2.INTERNAL,
}
_RETRY_HINT_S = 1.0
_REASON_OF_CODE = {
    grpc.StatusCode.INVALID_ARGUMENT: Reason.INVALID_REQUEST,
    grpc.StatusCode.NOT_FOUND: Reason.JOB_NOT_FOUND,
    grpc.StatusCode.DEADLINE_EXCEEDED: Reason.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED: Reason.CANCELLED,
    grpc.StatusCode.UNAVAILABLE: Reason.UNREACHABLE,
    grpc.StatusCode.UNIMPLEMENTED: Reason.METHOD_NOT_IMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Reason.QUOTA_EXCEEDED,
}


def to_status(error: CollatioError, trace_id: str = "") -> status_pb2.Status:
    """Make the status of an error: ErrorInfo always, BadRequest and RetryInfo where they apply."""
    metadata = {key: value[:METADATA_CHARS_MAX] for key, value in error.metadata.items()}
    info = error_details_pb2.ErrorInfo(reason=str(error.reason), domain=DOMAIN, metadata=metadata)
    if trace_id:
        info.metadata["trace_id"] = trace_id
    details: list[Any] = [info]
    code = CODES[error.entry.category]
    delay = error.retry_after_s
    if delay is None and code in {code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED} and error.retryable:
        delay = _RETRY_HINT_S
    if delay is not None:
        span = duration_pb2.Duration()
        span.FromMilliseconds(round(delay * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=span))
    status = status_pb2.Status(code=code, message=_cut(error.message))
    for detail in details:
        status.details.append(_packed(detail))
    _add_violations(status, error.violations)
    return status


def _encoded_bytes(text: str) -> int:
    """Count the bytes of a `grpc-message` trailer, whose bytes outside of printable ASCII take three (PROTOCOL-HTTP2)."""
    return sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in text.encode("utf-8", "replace"))


def _cut(message: str) -> str:
    """Cut a message to what a trailer has room for."""
    message = message[:MESSAGE_BYTES_MAX]
    while _encoded_bytes(message) > MESSAGE_BYTES_MAX:
        message = message[: len(message) * 3 // 4]
    return message


def _add_violations(status: status_pb2.Status, violations: tuple[Violation, ...]) -> None:
    """Add as many violations as fit the size limit; the first ones matter most."""
    bad = error_details_pb2.BadRequest()
    room = STATUS_BYTES_MAX - status.ByteSize() - _encoded_bytes(status.message) - 128
    for violation in violations:
        bad.field_violations.add(field=violation.field[:256], description=violation.description[:512])
        if bad.ByteSize() > room:
            del bad.field_violations[-1]
            break
    if bad.field_violations:
        status.details.append(_packed(bad))


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def to_grpc(error: CollatioError, trace_id: str = "") -> grpc.Status:
    """Make what `context.abort_with_status` takes."""
    return rpc_status.to_status(to_status(error, trace_id))


def from_rpc_error(error: grpc.aio.AioRpcError) -> CollatioError:
    """Make the typed error a failed call stands for.

    A status without collatio's ErrorInfo (a proxy's, a dead connection's) keeps its kind and its message;
    what is lost is the precise reason.
    """
    fallback = _REASON_OF_CODE.get(error.code(), Reason.INTERNAL)
    trailers: Any = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            return from_status(status_pb2.Status.FromString(value), fallback)
    return CollatioError(fallback, error.details() or error.code().name)


def from_status(status: status_pb2.Status, fallback: Reason = Reason.INTERNAL) -> CollatioError:
    """Make the typed error a status stands for; `fallback` where it names none of our reasons."""
    reason, metadata, violations, delay = fallback, {}, [], None
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            if info.domain == DOMAIN and info.reason in Reason.__members__:
                reason = Reason(info.reason)
            metadata = dict(info.metadata)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            violations = [Violation(v.field, v.description) for v in bad.field_violations]
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            delay = retry.retry_delay.ToTimedelta().total_seconds()
    return CollatioError(
        reason,
        status.message or CATALOGUE[reason].meaning,
        retry_after_s=delay,
        violations=violations,
        metadata=metadata,
    )
