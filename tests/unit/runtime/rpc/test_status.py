"""A typed error crosses the wire whole, in a status that fits its trailers."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from collatio.runtime.errors import CATALOGUE, CollatioError, Reason, Violation
from collatio.runtime.rpc.status import (
    CODES,
    DOMAIN,
    STATUS_BYTES_MAX,
    from_rpc_error,
    from_status,
    to_status,
)
from tests.unit.runtime.rpc.serving import error_of, method, plan_of, running

VIOLATIONS = [
    Violation(f"job.spec.sources[{n}].uri", "must have 1 to 4,096 characters") for n in range(1_000)
]
TRAILERS_MAX = 8 * 1024


def details_of(status: status_pb2.Status) -> list[str]:
    """Name a status's details."""
    return [detail.type_url.rpartition(".")[2] for detail in status.details]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_code_and_comes_back(reason: Reason) -> None:
    """With its sentence and its ErrorInfo, and a delay wherever waiting may help."""
    status = to_status(CollatioError(reason), "4bf92f3577b34da6a3ce929d0e0e4736")
    assert status.code == CODES[CATALOGUE[reason].category]
    back = from_status(status)
    assert (back.reason, back.message) == (reason, CATALOGUE[reason].meaning)
    assert back.metadata == {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    waits = status.code in {14, 8} and CATALOGUE[reason].retryable
    assert (back.retry_after_s is not None) == waits


def test_everything_an_error_says_comes_back() -> None:
    """Message, delay, violations and metadata."""
    error = CollatioError(
        Reason.QUOTA_EXCEEDED,
        "Zu viel auf einmal.",
        retry_after_s=2.5,
        violations=[Violation("a.b[0]", "is odd")],
        metadata={"limit": "5"},
    )
    status = to_status(error)
    assert details_of(status) == ["ErrorInfo", "RetryInfo", "BadRequest"]
    back = from_status(status)
    assert (back.message, back.retry_after_s, back.violations, back.metadata) == (
        error.message,
        error.retry_after_s,
        error.violations,
        error.metadata,
    )


@pytest.mark.parametrize(
    "message", ["short", "x" * 100_000, "ü" * 5_000, "\U0001f600" * 5_000, "%" * 5_000, "\n" * 9_000]
)
@pytest.mark.parametrize("metadata", [{}, {"where": "x" * 10_000}])
def test_a_status_is_under_seven_kibibytes(message: str, metadata: dict[str, str]) -> None:
    """However many violations and however long its texts; the first violations are kept."""
    error = CollatioError(
        Reason.INVALID_REQUEST, message, violations=VIOLATIONS, retry_after_s=1.0, metadata=metadata
    )
    status = to_status(error, "0" * 32)
    assert status.ByteSize() < STATUS_BYTES_MAX
    back = from_status(status)
    assert back.reason is Reason.INVALID_REQUEST
    assert len(back.violations) > 20
    assert back.violations == tuple(VIOLATIONS[: len(back.violations)])


@pytest.mark.parametrize("message", ["x" * 100_000, "\U0001f600" * 5_000, "%" * 5_000])
async def test_the_largest_status_reaches_the_caller(message: str) -> None:
    """Over a real connection: past 8 KiB of trailers gRPC would show RESOURCE_EXHAUSTED in its place."""

    async def refuse(_: Any, __: Any) -> Any:
        raise CollatioError(Reason.INVALID_REQUEST, message, violations=VIOLATIONS)

    async with running(plan_of({"Refuse": ("unary", refuse)})) as (_, channel):
        from google.protobuf.wrappers_pb2 import StringValue

        for _ in range(20):
            error = await error_of(method(channel, "Refuse")(StringValue()))
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert len(from_rpc_error(error).violations) > 20


def test_a_foreign_status_keeps_its_kind() -> None:
    """A proxy's, or a dead connection's: the nearest reason, with what it says."""

    def error(code: grpc.StatusCode, details: str = "") -> grpc.aio.AioRpcError:
        return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details)

    found = from_rpc_error(error(grpc.StatusCode.UNAVAILABLE, "connection refused"))
    assert (found.reason, found.message) == (Reason.UNREACHABLE, "connection refused")
    assert from_rpc_error(error(grpc.StatusCode.DEADLINE_EXCEEDED)).reason is Reason.DEADLINE_EXCEEDED
    assert from_rpc_error(error(grpc.StatusCode.DATA_LOSS)).reason is Reason.INTERNAL


def test_another_domain_s_reason_is_not_ours() -> None:
    """An ErrorInfo of another service names none of our reasons, even by the same word."""
    status = status_pb2.Status(code=5, message="Gone.")
    info = error_details_pb2.ErrorInfo(reason="JOB_NOT_FOUND", domain="example.org")
    status.details.add().Pack(info)
    assert from_status(status, Reason.UNREACHABLE).reason is Reason.UNREACHABLE
    status.details[0].Pack(error_details_pb2.ErrorInfo(reason="OF_A_LATER_VERSION", domain=DOMAIN))
    assert from_status(status, Reason.UNREACHABLE).reason is Reason.UNREACHABLE
