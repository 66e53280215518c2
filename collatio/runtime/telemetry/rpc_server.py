"""SERVER spans for grpc.aio: one a call, that tells the truth about aborts, deadlines and cancellation.

How it works, and why so:

- The handler is wrapped in its own style: an async generator stays one, a coroutine that calls
  `context.write` stays one (turning the second into the first is what breaks health's Watch elsewhere). A handler
  that is not async is left as it is: it runs in a thread, where its context would be lost (grpc#37881).
- The span ends with the first thing that settles the call: the handler's error, its return, or (where one response
  is still to be serialized) the serializer. So it has ended before the caller has its answer (an abort's ends
  a moment after: `settled` waits for it). What settles nothing, a client that goes away between two responses,
  is caught by the call's done callback, which gRPC runs however the call ends.
- The span is attached to the call's own task and never detached: the task, and its context with it, ends
  with the call, and resetting a token across a `yield` fails in another task (grpc#42295).
- gRPC shows a handler a passed deadline and a caller's cancellation alike; what is left of the deadline
  tells them apart.
- Health, reflection and channelz make no spans.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from collatio.runtime.telemetry.metrics import Instruments
from collatio.runtime.telemetry.names import RPC_METHOD_ORIGINAL
from collatio.runtime.telemetry.rpc_call import (
    SERVER_FAULTS,
    call_attributes,
    is_exempt,
    method_name,
    record_status,
)
from collatio.runtime.telemetry.tracing import error_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from collatio.runtime.telemetry.tracing import Tracing

# A deadline reaches the server from two sides (its own timer, the caller's reset), and gRPC rounds the timeout it
# sends: a call cancelled with no more than this much left has run out of time.
_DEADLINE_MARGIN_S = 0.02
_DEADLINE_MARGIN_PART = 0.02


class ServerTracing(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # the runtime class is not generic
    """Makes a SERVER span and a duration for each call; put it first among the interceptors.

    First, because it then sees what the others do: refuse a call, or translate an error into a status.
    """

    def __init__(
        self,
        tracing: Tracing,
        instruments: Instruments | None = None,
        *,
        address: str = "",
        port: int | None = None,
    ) -> None:
        self.tracing = tracing
        self.instruments = instruments or Instruments.noop()
        self._address = (address, port)
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def settled(self, timeout_s: float) -> bool:
        """Wait, after `server.stop`, until the last calls' spans have ended; False after `timeout_s` seconds.

        A call that was aborted gets its status out, and the server may stop, before its handler's task ends.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        return self._idle.is_set()

    def opened(self) -> None:
        """Count a call that begins."""
        self._open += 1
        self._idle.clear()

    def ended(self) -> None:
        """Count a call that is over."""
        self._open -= 1
        if not self._open:
            self._idle.set()

    def listening_on(self, address: str, port: int | None) -> None:
        """Say where the server listens (`server.address`, `server.port`), once its port is known."""
        self._address = (address, port)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap the handler of one call."""
        handler = await continuation(handler_call_details)
        method = method_name(handler_call_details.method)
        if is_exempt(method):
            return handler
        if handler is None:
            self._record_unknown(method, handler_call_details)
            return None
        call = _ServerCall(self, method, self.context_of(handler_call_details.invocation_metadata))
        return _wrapped(handler, call)

    def context_of(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> Context:
        """Read the caller's context; a header sent several times counts as one list (RFC 9110, 5.3)."""
        headers: dict[str, str] = {}
        for key, value in metadata or ():
            if isinstance(value, str):
                headers[key] = f"{headers[key]},{value}" if key in headers else value
        return self.tracing.extract(headers)

    def start(self, method: str, parent: Context) -> Span:
        """Start the span of one call."""
        return self.tracing.start(
            method, kind=SpanKind.SERVER, parent=parent, attributes=call_attributes(method, *self._address)
        )

    def _record_unknown(self, method: str, details: grpc.HandlerCallDetails) -> None:
        """Show a call to a method that does not exist; its name is the caller's, so it names no span."""
        span = self.start("_OTHER", self.context_of(details.invocation_metadata))
        span.set_attribute(RPC_METHOD_ORIGINAL, method)
        code = grpc.StatusCode.UNIMPLEMENTED
        record_status(span, code, code.name)
        self.tracing.finish(span)
        self.instruments.record_server_call("_OTHER", code.name, 0.0, code.name)


class _ServerCall:
    """One call: begins when its handler is entered; the first way it ends is the one that counts."""

    def __init__(self, owner: ServerTracing, method: str, parent: Context) -> None:
        self._owner = owner
        self._method = method
        self._parent = parent
        self._ended = False
        self._margin_s = _DEADLINE_MARGIN_S

    def begin(self, context: Any) -> None:
        """Start the span and make it current for the call's task."""
        self._started_ns = self._owner.tracing.clock_ns()
        self._span = self._owner.start(self._method, self._parent)
        remaining = context.time_remaining()
        if remaining is not None:
            self._margin_s += remaining * _DEADLINE_MARGIN_PART
        self._owner.opened()
        context.add_done_callback(self._interrupt)
        otel_context.attach(trace.set_span_in_context(self._span, self._parent))

    def returned(self, context: Any, *, serializes: bool) -> None:
        """End the call whose handler returned, unless its response must still be serialized."""
        code = _set_code(context) or grpc.StatusCode.OK
        if code is not grpc.StatusCode.OK or not serializes:
            self._end(code)

    def raised(self, error: BaseException, context: Any) -> None:
        """End the call whose handler raised, with the status the caller gets for it."""
        if isinstance(error, grpc.aio.AbortError):
            self._end(_set_code(context) or grpc.StatusCode.UNKNOWN)
        elif isinstance(error, (asyncio.CancelledError, GeneratorExit, grpc.aio.InternalError)):
            # InternalError: a read or a write on a call that the client has left.
            self._interrupt(context)
        else:
            code = _set_code(context)
            unset = code is None or code is grpc.StatusCode.OK
            self._end(grpc.StatusCode.UNKNOWN if unset or code is None else code, error_type(error))

    def serializing(self, serializer: Callable[[Any], bytes], *, only: bool) -> Callable[[Any], bytes]:
        """Watch a serializer: what it raises makes the call UNKNOWN; the `only` response ends it."""

        def watched(message: Any) -> bytes:
            try:
                serialized = serializer(message)
            except Exception as error:
                self._end(grpc.StatusCode.UNKNOWN, error_type(error))
                raise
            if only:
                self._end(grpc.StatusCode.OK)
            return serialized

        return watched

    def _interrupt(self, context: Any) -> None:
        """End a call that was cut: by its deadline when (nearly) nothing is left of that, else by the caller."""
        remaining = context.time_remaining()
        late = remaining is not None and remaining <= self._margin_s
        self._end(grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED)

    def _end(self, code: grpc.StatusCode, error: str | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        failed = (error or code.name) if code in SERVER_FAULTS else None
        record_status(self._span, code, failed)
        self._owner.tracing.finish(self._span)
        self._owner.ended()
        duration_s = (self._owner.tracing.clock_ns() - self._started_ns) / 1e9
        self._owner.instruments.record_server_call(self._method, code.name, duration_s, failed)


def _wrapped(handler: Any, call: _ServerCall) -> Any:
    """Make the handler of one call anew, around the same behaviour in the same style."""
    only = not handler.response_streaming
    shape = f"{'stream' if handler.request_streaming else 'unary'}_{'unary' if only else 'stream'}"
    behavior = getattr(handler, shape)
    serializer = handler.response_serializer
    if inspect.isasyncgenfunction(behavior):
        wrapped = _generating(behavior, call)
    elif inspect.iscoroutinefunction(behavior):
        wrapped = _returning(behavior, call, serializes=only and serializer is not None)
    else:
        return handler
    make = getattr(grpc, f"{shape}_rpc_method_handler")
    watched = None if serializer is None else call.serializing(serializer, only=only)
    return make(wrapped, handler.request_deserializer, watched)


def _returning(
    behavior: Callable[[Any, Any], Awaitable[Any]], call: _ServerCall, *, serializes: bool
) -> Callable[..., Any]:
    async def handle(request: Any, context: Any) -> Any:
        call.begin(context)
        try:
            response = await behavior(request, context)
        except BaseException as error:
            call.raised(error, context)
            raise
        call.returned(context, serializes=serializes)
        return response

    return handle


def _generating(behavior: Callable[[Any, Any], Any], call: _ServerCall) -> Callable[..., Any]:
    async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
        call.begin(context)
        try:
            async with aclosing(behavior(request, context)) as responses:
                async for response in responses:
                    yield response
        except BaseException as error:
            call.raised(error, context)
            raise
        call.returned(context, serializes=False)

    return handle


def _set_code(context: Any) -> grpc.StatusCode | None:
    """Read the code a handler set or aborted with; None where it set none."""
    code = context.code()
    return code if isinstance(code, grpc.StatusCode) else None
