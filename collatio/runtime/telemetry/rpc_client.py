"""CLIENT spans for grpc.aio: one a call, that always ends and never changes what the caller sees.

How each shape ends its span, and why so:

- unary-unary: the interceptor awaits the call, so that cancellation and a status arrive as exceptions, which go on
  unchanged. (Awaiting `call.code()` instead hangs where gRPC fails before it sends.)
- the streaming shapes: the interceptor must hand the call back at once, for the caller may still have to write to
  it. The span ends in the call's done callback: a status from the server, the deadline, `cancel()`, an
  iterator of requests that raises (gRPC cancels the call for it), the channel's close.
- When the server ends a call under a request being written, gRPC first sets INTERNAL of its own making and calls
  back, then sets the server's status, which the caller gets, without calling back. The first is waited out.
- A stream that is merely dropped (`break` without `cancel()`) is not over: gRPC keeps it, with or without
  interceptors, until one of those comes, and its span is open as long. `call.cancel()` in a `finally` is the rule.
- Metadata that gRPC cannot encode makes a call that neither starts nor ends: it gets no span.

Nothing is attached: the span's context goes out as metadata and nowhere else. gRPC puts an interceptor into the
list of the first base it recognises only, hence four classes.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from collatio.runtime.telemetry.metrics import Instruments
from collatio.runtime.telemetry.rpc_call import (
    call_attributes,
    is_exempt,
    method_name,
    record_status,
    split_target,
)
from collatio.runtime.telemetry.tracing import error_type, is_suppressed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from opentelemetry.trace import Span

    from collatio.runtime.telemetry.tracing import Tracing

    # Awaited, it gives a call; the published stubs say it gives one at once, so Any is all that fits both.
    Continuation = Callable[[grpc.aio.ClientCallDetails, Any], Any]


_PROVISIONAL = "Internal error from Core"  # what grpc.aio says of a call whose request could not be written
_RECHECK_S = 0.01
_RECHECKS = 100


def client_interceptors(tracing: Tracing, target: str, instruments: Instruments | None = None) -> list[Any]:
    """Make the interceptors of one channel; put them first, so that a span covers what the others do.

    `target` is the channel's own and becomes `server.address` and `server.port`.
    """
    calls = ClientCalls(tracing, target, instruments or Instruments.noop())
    return [
        UnaryUnaryTracing(calls),
        UnaryStreamTracing(calls),
        StreamUnaryTracing(calls),
        StreamStreamTracing(calls),
    ]


class ClientCalls:
    """Starts the span of each call of one channel."""

    def __init__(
        self, tracing: Tracing, target: str, instruments: Instruments, *, rechecks: int = _RECHECKS
    ) -> None:
        self.tracing = tracing
        self.instruments = instruments
        self.rechecks = rechecks
        self._address = split_target(target)

    def begin(self, details: grpc.aio.ClientCallDetails) -> ClientCall | None:
        """Start a call's span, with its context in the call's metadata; None for a call without a span."""
        method = method_name(details.method)
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        if is_exempt(method) or not _is_sendable(metadata):
            return None
        if is_suppressed():
            span: Span = NonRecordingSpan(_unsampled())
        else:
            span = self.tracing.start(
                method, kind=SpanKind.CLIENT, attributes=call_attributes(method, *self._address)
            )
        for key, value in self.tracing.inject(trace.set_span_in_context(span)).items():
            metadata[key] = value
        carrying = grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )
        return ClientCall(self, method, span, carrying)

    async def stream(
        self,
        continuation: Continuation,
        details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Start a call with a stream in it and hand it back at once, its span to end when the call does."""
        observed = self.begin(details)
        if observed is None:
            return await continuation(details, request)
        try:
            call = await continuation(observed.details, request)
        except BaseException as error:
            observed.fail(error)
            raise
        call.add_done_callback(observed.done)
        return call


class ClientCall:
    """The span of one call; the first way it ends is the one that counts."""

    def __init__(
        self, calls: ClientCalls, method: str, span: Span, details: grpc.aio.ClientCallDetails
    ) -> None:
        self.details = details
        self._calls = calls
        self._method = method
        self._span = span
        self._started_ns = calls.tracing.clock_ns()
        self._ended = False

    def end(self, code: grpc.StatusCode, error: str | None = None) -> None:
        """End the span with the call's status."""
        if self._ended:
            return
        self._ended = True
        failed = None if code is grpc.StatusCode.OK else error or code.name
        record_status(self._span, code, failed)
        tracing, instruments = self._calls.tracing, self._calls.instruments
        tracing.finish(self._span)
        duration_s = (tracing.clock_ns() - self._started_ns) / 1e9
        instruments.record_client_call(self._method, code.name, duration_s, failed)

    def fail(self, error: BaseException) -> None:
        """End the span with what the call raised."""
        if isinstance(error, grpc.aio.AioRpcError):
            self.end(error.code())
        elif isinstance(error, asyncio.CancelledError):
            self.end(grpc.StatusCode.CANCELLED)
        else:
            self.end(grpc.StatusCode.UNKNOWN, error_type(error))

    def done(self, call: Any) -> None:
        """End the span of a call that is over."""
        self._look(call, self._calls.rechecks)

    def _look(self, call: Any, rechecks: int) -> None:
        code = _answer(call.code())
        if not isinstance(code, grpc.StatusCode):
            code = grpc.StatusCode.UNKNOWN
        if rechecks and code is grpc.StatusCode.INTERNAL and _answer(call.details()) == _PROVISIONAL:
            asyncio.get_running_loop().call_later(_RECHECK_S, self._look, call, rechecks - 1)
        else:
            self.end(code)


def _answer(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine of a call that is over: it answers in a single step, without a loop; else None."""
    try:
        coroutine.send(None)
    except StopIteration as answer:
        return answer.value
    coroutine.close()
    return None


def _unsampled() -> SpanContext:
    """Make the context a suppressed call sends: the server, asked by nobody's trace, then makes no spans either."""
    here = trace.get_current_span().get_span_context()
    trace_id = here.trace_id or secrets.randbits(128) or 1
    span_id = here.span_id or secrets.randbits(64) or 1
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.DEFAULT))


def _is_sendable(metadata: Iterable[tuple[str, str | bytes]]) -> bool:
    return all(isinstance(part, (str, bytes)) for pair in metadata for part in pair)


class UnaryUnaryTracing(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg] # not generic when run
    """CLIENT spans of unary calls."""

    def __init__(self, calls: ClientCalls) -> None:
        self._calls = calls

    async def intercept_unary_unary(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        """Make the call and its span."""
        observed = self._calls.begin(client_call_details)
        if observed is None:
            return await continuation(client_call_details, request)
        try:
            call = await continuation(observed.details, request)
            await call
        except BaseException as error:
            observed.fail(error)
            raise
        observed.end(grpc.StatusCode.OK)
        return call


class UnaryStreamTracing(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg] # not generic when run
    """CLIENT spans of calls with one request and many responses."""

    def __init__(self, calls: ClientCalls) -> None:
        self._calls = calls

    async def intercept_unary_stream(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        """Make the call and its span."""
        return await self._calls.stream(continuation, client_call_details, request)


class StreamUnaryTracing(grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg] # not generic when run
    """CLIENT spans of calls with many requests and one response."""

    def __init__(self, calls: ClientCalls) -> None:
        self._calls = calls

    async def intercept_stream_unary(
        self,
        continuation: Continuation,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        """Make the call and its span."""
        return await self._calls.stream(continuation, client_call_details, request_iterator)


class StreamStreamTracing(grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg] # not generic when run
    """CLIENT spans of calls with many requests and many responses."""

    def __init__(self, calls: ClientCalls) -> None:
        self._calls = calls

    async def intercept_stream_stream(
        self,
        continuation: Continuation,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        """Make the call and its span."""
        return await self._calls.stream(continuation, client_call_details, request_iterator)
