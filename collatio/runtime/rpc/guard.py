"""The interceptor between gRPC and the handlers: limits, and the one translation of errors into statuses.

Per-method limits instead of `maximum_concurrent_rpcs`, which would refuse health probes too. Whatever a handler
raises that is no `CollatioError` becomes INTERNAL without a detail, and a log line with the trace id. A request
that cannot be parsed, which gRPC itself would answer with UNKNOWN, is INVALID_REQUEST like any other bad one.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.status import to_grpc
from collatio.runtime.telemetry.traceparent import trace_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

logger = logging.getLogger(__name__)
EXEMPT = ("/grpc.health.", "/grpc.reflection.", "/grpc.channelz.")
RETRY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class MethodLimits:
    """How many calls of one method may run at the same time: those with a stream, and the others."""

    streams: int = 200
    unary: int = 400
    methods: Mapping[str, int] = field(default_factory=dict)

    def of(self, method: str, *, streaming: bool) -> int:
        """Return the limit of a method by its full name."""
        return self.methods.get(method, self.streams if streaming else self.unary)


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # the runtime class is not generic
    """Applies limits and translates errors. Put it after tracing, which then sees the final status."""

    def __init__(self, limits: MethodLimits) -> None:
        self._limits = limits
        self._running: dict[str, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap the method's handler; health, reflection and channelz pass untouched."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(EXEMPT):
            return handler
        name = method if isinstance(method, str) else method.decode()
        if handler.response_streaming:
            inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
            wrap: Any = self._streaming(inner, name)
            make: Any = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
        else:
            inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
            wrap = self._returning(inner, name, streaming=handler.request_streaming)
            make = (
                grpc.stream_unary_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_unary_rpc_method_handler
            )
        return make(
            wrap,
            request_deserializer=_forgiving(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _returning(self, inner: Any, method: str, *, streaming: bool) -> Any:
        async def handle(request: Any, context: Any) -> Any:
            try:
                self._enter(method, streaming=streaming)
                try:
                    return await inner(_readable(request), context)
                finally:
                    self._leave(method)
            except Exception as error:  # noqa: BLE001 - the one place where errors become statuses
                await _abort(context, error, method)

        return handle

    def _streaming(self, inner: Any, method: str) -> Any:
        async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
            try:
                self._enter(method, streaming=True)
                try:
                    async with aclosing(inner(_readable(request), context)) as responses:
                        async for response in responses:
                            yield response
                finally:
                    self._leave(method)
            except Exception as error:  # noqa: BLE001 - the one place where errors become statuses
                await _abort(context, error, method)

        return handle

    def _enter(self, method: str, *, streaming: bool) -> None:
        if self._draining:
            raise CollatioError(Reason.SHUTTING_DOWN, retry_after_s=RETRY_AFTER_S)
        running = self._running.get(method, 0)
        if running >= self._limits.of(method, streaming=streaming):
            raise CollatioError(
                Reason.QUOTA_EXCEEDED,
                "Too many calls of this method are open on this server.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._running[method] = running + 1
        self._idle.clear()

    def _leave(self, method: str) -> None:
        self._running[method] -= 1
        if not any(self._running.values()):
            self._idle.set()

    async def drained(self, timeout_s: float) -> bool:
        """Take no further call, and wait until none runs; False if some still do after `timeout_s` seconds.

        Those of health, reflection and channelz are not counted: they end with the server alone.
        """
        self._draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        return self._idle.is_set()


class _Unreadable:
    """Stands for a request that is no message of its type."""


def _forgiving(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _Unreadable()

    return read


def _readable(request: Any) -> Any:
    """Pass a request, or each of a stream's, on. Errors: INVALID_REQUEST for one that could not be parsed."""
    if hasattr(request, "__aiter__"):
        return _each_readable(request)
    if isinstance(request, _Unreadable):
        raise CollatioError(
            Reason.INVALID_REQUEST,
            "The request is no message of this method's type, or holds text not in UTF-8.",
        )
    return request


async def _each_readable(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _readable(request)


async def _abort(context: Any, error: Exception, method: str) -> None:
    """End the call with the error's status. Never returns."""
    if isinstance(error, (grpc.aio.AbortError, grpc.aio.BaseError)):
        raise error
    trace_id = trace_id_of()
    if not isinstance(error, CollatioError):
        if isinstance(error, asyncio.CancelledError):
            raise error
        logger.error("unexpected error", exc_info=error, extra={"fields": {"method": method}})
        error = CollatioError(Reason.INTERNAL)
    await context.abort_with_status(to_grpc(error, trace_id))
