"""The three stages as a run reaches them: channels, and streams bound to a job."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from collatio.runtime.rpc.channel import open_channel
from collatio.runtime.rpc.stage import TENANT_KEY
from collatio.runtime.telemetry.rpc_client import client_interceptors
from collatio.v1 import (
    common_pb2,
    compare_pb2,
    compare_pb2_grpc,
    extract_pb2,
    extract_pb2_grpc,
    fetch_pb2,
    fetch_pb2_grpc,
)
from gateway.run.stream import SILENCE_S, StageStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.runtime.telemetry.provider import Telemetry
    from gateway.journal.record import JobRef

STATUS_TIMEOUT_S = 2.0
OVERDUE_S = 0.5


@dataclass(frozen=True, slots=True)
class Targets:
    """Where each stage is: HOST:PORT, or a comma-separated list of them."""

    fetch: str
    extract: str
    compare: str


@dataclass(frozen=True, slots=True)
class Since:
    """From when on a stage is to try failures again, and to do anything again; ms since the epoch, None: never."""

    reopen_ms: int | None = None
    redo_ms: int | None = None


class Stages:
    """Channels to the three stages, one each, shared by all runs of a gateway.

    `silence_s` is how long a stream may bring nothing before it is opened again.
    """

    def __init__(self, targets: Targets, telemetry: Telemetry, silence_s: float = SILENCE_S) -> None:
        self._silence_s = silence_s
        self._channels: list[grpc.aio.Channel] = []
        self.fetch: Any = fetch_pb2_grpc.FetchServiceStub(self._open(targets.fetch, "Fetch", telemetry))
        self.extract: Any = extract_pb2_grpc.ExtractServiceStub(
            self._open(targets.extract, "Extract", telemetry)
        )
        self.compare: Any = compare_pb2_grpc.CompareServiceStub(
            self._open(targets.compare, "Compare", telemetry)
        )

    def _open(self, target: str, name: str, telemetry: Telemetry) -> grpc.aio.Channel:
        channel = open_channel(
            target,
            health_service=f"collatio.v1.{name}Service",
            interceptors=client_interceptors(telemetry.tracing, target, telemetry.instruments),
        )
        self._channels.append(channel)
        return channel

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            await channel.close(grace=None)

    async def statuses(self) -> list[common_pb2.StageStatus]:
        """Ask every stage how it is, in their order; one that does not answer says so in its status."""
        return list(await asyncio.gather(*(_status(*one) for one in self.by_stage().items())))

    def by_stage(self) -> dict[Any, Any]:
        """Return the stubs by stage."""
        return {
            common_pb2.STAGE_FETCH: self.fetch,
            common_pb2.STAGE_EXTRACT: self.extract,
            common_pb2.STAGE_COMPARE: self.compare,
        }

    def fetch_stream(
        self, ref: JobRef
    ) -> StageStream[fetch_pb2.FetchItem, fetch_pb2.FetchRequest, fetch_pb2.FetchResponse]:
        """Make a job's fetch stream."""

        def request(items: Sequence[fetch_pb2.FetchItem], first: bool) -> fetch_pb2.FetchRequest:
            return fetch_pb2.FetchRequest(job=ref.name if first else "", items=items)

        return StageStream(
            _bound(self.fetch.Fetch, ref),
            request,
            fetch_pb2.FetchRequest(cancel=True),
            silence_s=self._silence_s,
        )

    def extract_stream(
        self, ref: JobRef, spec: extract_pb2.ExtractSpec, since: Since
    ) -> StageStream[extract_pb2.ExtractItem, extract_pb2.ExtractRequest, extract_pb2.ExtractResponse]:
        """Make a job's extract stream."""

        def request(items: Sequence[extract_pb2.ExtractItem], first: bool) -> extract_pb2.ExtractRequest:
            made = extract_pb2.ExtractRequest(items=items)
            if first:
                made.job, made.references_only = ref.name, True
                made.spec.CopyFrom(spec)
                _tell_since(made, since)
            return made

        return StageStream(
            _bound(self.extract.Extract, ref),
            request,
            extract_pb2.ExtractRequest(cancel=True),
            silence_s=self._silence_s,
        )

    def compare_stream(
        self, ref: JobRef, spec: compare_pb2.CompareSpec, since: Since
    ) -> StageStream[compare_pb2.CompareDocument, compare_pb2.CompareRequest, compare_pb2.CompareResponse]:
        """Make a job's compare stream. Nothing of it is answered before all of it is asked."""

        def request(
            documents: Sequence[compare_pb2.CompareDocument], first: bool
        ) -> compare_pb2.CompareRequest:
            made = compare_pb2.CompareRequest(documents=documents)
            if first:
                made.job, made.references_only = ref.name, True
                made.spec.CopyFrom(spec)
                _tell_since(made, since)
            return made

        return StageStream(
            _bound(self.compare.Compare, ref),
            request,
            compare_pb2.CompareRequest(cancel=True),
            in_flight_max=10_000_000,
            complete=compare_pb2.CompareRequest(complete=True),
            silence_s=self._silence_s,
        )


def _tell_since(request: Any, since: Since) -> None:
    if since.reopen_ms is not None:
        request.reopen_failed_before.FromMilliseconds(since.reopen_ms)
    if since.redo_ms is not None:
        request.redo_before.FromMilliseconds(since.redo_ms)


async def ask(method: Any, request: Any, *, timeout_s: float = STATUS_TIMEOUT_S) -> Any:
    """Make a unary call of a stage. Errors: AioRpcError.

    A call that hangs past its deadline, as gRPC has let calls that it was to try again (grpc#41036), ends as one whose
    deadline has passed.
    """
    try:
        async with asyncio.timeout(timeout_s + OVERDUE_S):
            return await method(request, timeout=timeout_s)
    except TimeoutError:
        none = grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, none, none, None, None) from None


async def _status(stage: common_pb2.Stage.ValueType, stub: Any) -> common_pb2.StageStatus:
    try:
        found: common_pb2.StageStatus = await ask(stub.GetStatus, common_pb2.GetStatusRequest())
    except grpc.aio.AioRpcError as error:
        return common_pb2.StageStatus(
            stage=stage, unavailable=f"The stage does not answer: {error.code().name}."
        )
    return found


def _bound(method: Any, ref: JobRef) -> Any:
    metadata = ((TENANT_KEY, ref.tenant),)
    return lambda requests, timeout: method(requests, timeout=timeout, metadata=metadata)
