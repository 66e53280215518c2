"""CLIENT spans of real grpc.aio calls on loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from collatio.runtime.telemetry.metrics import Instruments
from collatio.runtime.telemetry.rpc_call import split_target
from collatio.runtime.telemetry.rpc_client import ClientCalls, client_interceptors
from collatio.runtime.telemetry.tracing import suppressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXTS = {"request_serializer": str.encode, "response_deserializer": bytes.decode}
PATH = "/collatio.test.Probe/"


@pytest.fixture
def connect(tracing: Any) -> Any:
    """Connect to a loopback port with the interceptors in place."""

    @asynccontextmanager
    async def connecting(port: int, *more: Any, instruments: Instruments | None = None) -> AsyncIterator[Any]:
        target = f"127.0.0.1:{port}"
        interceptors = [*client_interceptors(tracing, target, instruments), *more]
        async with grpc.aio.insecure_channel(target, interceptors=interceptors) as channel:
            yield channel

    return connecting


async def echo(request: str, context: Any) -> str:
    """Answer what was asked."""
    return request


async def many(request: str, context: Any) -> AsyncIterator[str]:
    """Answer letter by letter."""
    for letter in request:
        yield letter


async def join(requests: Any, context: Any) -> str:
    """Answer all requests at once."""
    return "".join([one async for one in requests])


async def each(requests: Any, context: Any) -> AsyncIterator[str]:
    """Answer each request."""
    async for one in requests:
        yield one


async def forever(request: str, context: Any) -> AsyncIterator[str]:
    """Answer once and never end."""
    yield "first"
    await asyncio.Event().wait()


async def never(request: str, context: Any) -> str:
    """Answer never."""
    await asyncio.Event().wait()
    return ""


async def refuse(request: Any, context: Any) -> Any:
    """Abort."""
    await context.abort(grpc.StatusCode.NOT_FOUND, "none")


async def three_then_refuse(request: str, context: Any) -> AsyncIterator[str]:
    """Answer three times, then abort."""
    for letter in "abc":
        yield letter
    await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")


async def metadata(request: str, context: Any) -> str:
    """Answer with the metadata of the call."""
    return ";".join(f"{key}={value}" for key, value in context.invocation_metadata() if key != "user-agent")


SHAPES = {
    "one to one": ("Echo", "unary", "unary"),
    "one to many": ("Many", "unary", "stream"),
    "many to one": ("Join", "stream", "unary"),
    "many to many": ("Each", "stream", "stream"),
}


@pytest.fixture
def methods(handle: Any) -> Any:
    """Make a servicer with one method of each shape, and some that misbehave."""
    return {
        "Echo": handle(echo),
        "Many": handle(many, responses="stream"),
        "Join": handle(join, requests="stream"),
        "Each": handle(each, requests="stream", responses="stream"),
        "Forever": handle(forever, responses="stream"),
        "Never": handle(never),
        "RefuseEcho": handle(refuse),
        "RefuseMany": handle(refuse, responses="stream"),
        "RefuseJoin": handle(refuse, requests="stream"),
        "RefuseEach": handle(refuse, requests="stream", responses="stream"),
        "ThreeThenRefuse": handle(three_then_refuse, responses="stream"),
        "Metadata": handle(metadata),
    }


def clients(recorder: Any) -> list[Any]:
    """Give the CLIENT spans that have ended."""
    return [span for span in recorder.spans if span.kind == "CLIENT"]


async def test_each_shape_is_a_client_span_with_the_server_under_it(
    serve: Any, methods: Any, connect: Any, tracing: Any, recorder: Any
) -> None:
    """Four shapes, iterated: name, kind, address, parent; the SERVER span is the CLIENT span's child."""
    async with serve(methods) as port, connect(port) as channel:
        with tracing.span("caller") as caller:
            assert await channel.unary_unary(f"{PATH}Echo", **TEXTS)("a") == "a"
            assert [one async for one in channel.unary_stream(f"{PATH}Many", **TEXTS)("bc")] == ["b", "c"]
            assert await channel.stream_unary(f"{PATH}Join", **TEXTS)(iter("de")) == "de"
            assert [one async for one in channel.stream_stream(f"{PATH}Each", **TEXTS)(iter("fg"))] == [
                "f",
                "g",
            ]
    found = clients(recorder)
    assert {span.name for span in found} == {
        f"collatio.test.Probe/{name}" for name in ("Echo", "Many", "Join", "Each")
    }
    for span in found:
        assert int(span.parent_id, 16) == caller.get_span_context().span_id
        assert span.status == "UNSET"
        assert span.attributes["rpc.response.status_code"] == span.attributes["rpc.status_code"] == "OK"
        assert (span.attributes["server.address"], span.attributes["server.port"]) == ("127.0.0.1", port)
        assert [child.kind for child in recorder.spans.children_of(span)] == ["SERVER"]
    assert recorder.open == 0


async def test_read_and_write_still_work(serve: Any, methods: Any, connect: Any, recorder: Any) -> None:
    """The caller gets the call itself: it may write late, read by hand, and ask for its code."""
    async with serve(methods) as port, connect(port) as channel:
        call = channel.stream_stream(f"{PATH}Each", **TEXTS)()
        await call.write("a")
        assert await call.read() == "a"
        await call.write("b")
        await call.done_writing()
        assert await call.read() == "b"
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK
        joined = channel.stream_unary(f"{PATH}Join", **TEXTS)()
        await joined.write("c")
        await joined.done_writing()
        assert await joined == "c"
    assert [span.attributes["rpc.response.status_code"] for span in clients(recorder)] == ["OK", "OK"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_any_status_but_ok_is_an_error(
    serve: Any, methods: Any, connect: Any, ask: Any, recorder: Any, *, shape: str
) -> None:
    """NOT_FOUND is no fault of the server's, yet the client's call failed."""
    name, requests, responses = SHAPES[shape]
    async with serve(methods) as port, connect(port) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(channel, f"Refuse{name}", "x", requests=requests, responses=responses)
        await recorder.settled()
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    (span,) = clients(recorder)
    assert (span.status, span.attributes["error.type"]) == ("ERROR", "NOT_FOUND")
    assert span.attributes["rpc.response.status_code"] == "NOT_FOUND"


async def test_responses_before_a_failure_are_not_lost(
    serve: Any, methods: Any, connect: Any, recorder: Any
) -> None:
    """Three responses and then a status: the caller gets all four, as without interceptors."""
    async with serve(methods) as port, connect(port) as channel:
        call = channel.unary_stream(f"{PATH}ThreeThenRefuse", **TEXTS)("x")
        assert [await call.read() for _ in range(3)] == ["a", "b", "c"]
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()
    assert clients(recorder)[0].attributes["rpc.response.status_code"] == "UNAVAILABLE"


async def test_no_server_is_unavailable(connect: Any, recorder: Any) -> None:
    """A refused connection ends the span with UNAVAILABLE."""
    async with connect(1) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(f"{PATH}Echo", **TEXTS)("x", timeout=20)
    (span,) = clients(recorder)
    assert span.attributes["rpc.response.status_code"] == "UNAVAILABLE"


@pytest.mark.parametrize("way", ["cancel the call", "cancel the task", "deadline"])
@pytest.mark.parametrize("method", ["Never", "Forever"])
async def test_cancellation_and_deadline_reach_the_caller_and_end_the_span(
    serve: Any, methods: Any, connect: Any, recorder: Any, *, way: str, method: str
) -> None:
    """Cancelled is cancelled: asyncio's error goes through, the span ends, the server learns of it."""
    async with serve(methods) as port, connect(port) as channel:
        timeout = 0.3 if way == "deadline" else 60
        if method == "Never":
            call = channel.unary_unary(f"{PATH}Never", **TEXTS)("x", timeout=timeout)
            waiting = asyncio.ensure_future(call)
            await asyncio.sleep(0)
        else:
            call = channel.unary_stream(f"{PATH}Forever", **TEXTS)("x", timeout=timeout)
            assert await call.read() == "first"
            waiting = asyncio.ensure_future(call.read())
            await asyncio.sleep(0)
        if way == "cancel the call":
            call.cancel()
        elif way == "cancel the task":
            waiting.cancel()
        expected: Any = grpc.aio.AioRpcError if way == "deadline" else asyncio.CancelledError
        with pytest.raises(expected):
            await asyncio.wait_for(waiting, 20)
    found = clients(recorder)
    code = "DEADLINE_EXCEEDED" if way == "deadline" else "CANCELLED"
    # A unary call cancelled before its interceptor ran has no span, and needs none.
    assert [(span.status, span.attributes["rpc.response.status_code"]) for span in found] == [
        ("ERROR", code)
    ] * len(found)
    assert found or (method, way) == ("Never", "cancel the call")
    assert recorder.open == 0


async def test_wait_for_cancels_a_unary_call(serve: Any, methods: Any, connect: Any, recorder: Any) -> None:
    """`asyncio.wait_for` around a call times out as it does without interceptors."""
    async with serve(methods) as port, connect(port) as channel:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(channel.unary_unary(f"{PATH}Never", **TEXTS)("x"), 0.2)
    assert [span.attributes["rpc.response.status_code"] for span in clients(recorder)] == ["CANCELLED"]


async def test_leaving_a_stream_with_cancel_ends_its_span_at_once(
    serve: Any, methods: Any, connect: Any, recorder: Any
) -> None:
    """`break` and `cancel()` in a `finally`: the span has ended when the loop has."""
    async with serve(methods) as port, connect(port) as channel:
        call = channel.unary_stream(f"{PATH}Forever", **TEXTS)("x")
        try:
            async for _ in call:
                break
        finally:
            call.cancel()
        assert [span.attributes["rpc.response.status_code"] for span in clients(recorder)] == ["CANCELLED"]


@pytest.mark.parametrize("way", ["deadline", "channel close"])
async def test_a_stream_that_is_only_dropped_ends_with_its_call(
    serve: Any, methods: Any, connect: Any, recorder: Any, way: str
) -> None:
    """`break` alone leaves the call to gRPC, whose deadline or closing channel ends it, and the span with it."""
    async with serve(methods) as port:
        async with connect(port) as channel:
            timeout = 0.3 if way == "deadline" else 60
            call = channel.unary_stream(f"{PATH}Forever", **TEXTS)("x", timeout=timeout)
            async for _ in call:
                break
            if way == "deadline":
                assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        (span,) = clients(recorder)
    code = "DEADLINE_EXCEEDED" if way == "deadline" else "CANCELLED"
    assert span.attributes["rpc.response.status_code"] == code


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_call_that_cannot_be_sent_neither_hangs_nor_leaks(
    serve: Any, methods: Any, connect: Any, ask: Any, recorder: Any, *, shape: str
) -> None:
    """Metadata that gRPC cannot encode: the caller gets the error at once in every shape, and there is no span."""
    name, requests, responses = SHAPES[shape]
    async with serve(methods) as port, connect(port) as channel:
        asked = ask(channel, name, "x", requests=requests, responses=responses, metadata=(("key", 7),))
        with pytest.raises((TypeError, AttributeError)):
            await asyncio.wait_for(asked, 10)
    assert recorder.started == 0


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_request_that_cannot_be_serialized_ends_its_span(
    serve: Any, methods: Any, connect: Any, ask: Any, recorder: Any, *, shape: str
) -> None:
    """The library logs the failure and sends an empty request in its place: the span tells how that call ended."""
    name, requests, responses = SHAPES[shape]
    async with serve(methods) as port, connect(port) as channel:
        bad: Any = 7 if requests == "unary" else [7]
        await asyncio.wait_for(ask(channel, name, bad, requests=requests, responses=responses), 10)
    (span,) = clients(recorder)
    assert span.attributes["rpc.response.status_code"] == "OK"
    assert recorder.open == 0


async def test_an_iterator_of_requests_that_raises_ends_the_span(
    serve: Any, methods: Any, connect: Any, recorder: Any
) -> None:
    """What the caller's own iterator raises cancels the call; the span says so without its text."""

    async def requests() -> AsyncIterator[str]:
        yield "a"
        raise ValueError("canary")

    async with serve(methods) as port, connect(port) as channel:
        with pytest.raises(asyncio.CancelledError):
            await channel.stream_unary(f"{PATH}Join", **TEXTS)(requests())
    (span,) = clients(recorder)
    assert span.attributes["rpc.response.status_code"] == "CANCELLED"
    assert "canary" not in repr(recorder.spans)


async def test_the_callers_metadata_is_kept(serve: Any, methods: Any, connect: Any, recorder: Any) -> None:
    """The context is added to the metadata; what the caller sends goes too, and is not changed in its hands."""
    own = grpc.aio.Metadata(("authorization", "Bearer x"), ("traceparent", "stale"))
    async with serve(methods) as port, connect(port) as channel:
        seen = await channel.unary_unary(f"{PATH}Metadata", **TEXTS)("x", metadata=own)
    (span,) = clients(recorder)
    assert sorted(seen.split(";")) == [
        "authorization=Bearer x",
        f"traceparent=00-{span.trace_id}-{span.span_id}-03",
    ]
    assert own["traceparent"] == "stale"


async def test_suppressed_calls_make_spans_on_neither_side(
    serve: Any, methods: Any, connect: Any, recorder: Any, tracing: Any
) -> None:
    """A poller under `suppressed` is not traced, nor does its server start a trace of its own for it."""
    async with serve(methods) as port, connect(port) as channel:
        with suppressed():
            assert await channel.unary_unary(f"{PATH}Echo", **TEXTS)("a") == "a"
            assert [one async for one in channel.unary_stream(f"{PATH}Many", **TEXTS)("b")] == ["b"]
            assert (await channel.unary_unary(f"{PATH}Metadata", **TEXTS)("c")).endswith("-00")
    assert recorder.started == 0


async def test_probes_make_no_client_span(serve: Any, connect: Any, recorder: Any) -> None:
    """Health checks are not traced."""
    async with serve({}) as port, connect(port) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary("/grpc.health.v1.Health/Check", **TEXTS)("")
    assert recorder.started == 0


class CutCall:
    """A call as grpc.aio shows it when the server ends it under a request being written."""

    def __init__(self) -> None:
        self.status = (grpc.StatusCode.INTERNAL, "Internal error from Core")
        self.callbacks: list[Any] = []

    def add_done_callback(self, callback: Any) -> None:
        """Keep a callback; gRPC calls it when the first status is set, and only then."""
        self.callbacks.append(callback)

    async def code(self) -> grpc.StatusCode:
        """Give the status so far."""
        return self.status[0]

    async def details(self) -> str:
        """Give the status's details so far."""
        return self.status[1]


@pytest.mark.parametrize("answered", [True, False])
async def test_a_provisional_status_is_waited_out(tracing: Any, recorder: Any, answered: bool) -> None:
    """The caller gets the server's status, which comes second: so does the span; without one, it is INTERNAL."""
    call = CutCall()

    async def start(details: Any, request: Any) -> CutCall:
        return call

    calls = ClientCalls(tracing, "x:1", Instruments.noop(), rechecks=2)
    details = grpc.aio.ClientCallDetails(f"{PATH}Join", None, None, None, None)
    assert await calls.stream(start, details, iter("x")) is call
    call.callbacks[0](call)
    assert recorder.open == 1
    if answered:
        call.status = (grpc.StatusCode.NOT_FOUND, "none")
    await recorder.settled()
    code = "NOT_FOUND" if answered else "INTERNAL"
    assert [span.attributes["rpc.response.status_code"] for span in clients(recorder)] == [code]


async def test_another_interceptor_inside_is_covered(
    serve: Any, methods: Any, connect: Any, recorder: Any
) -> None:
    """An interceptor nearer to the wire may fail a call or answer in its place; the span ends either way."""

    class Answering(grpc.aio.UnaryUnaryClientInterceptor):
        async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            if request == "fail":
                raise LookupError("canary")
            return "answered"

    async with serve(methods) as port, connect(port, Answering()) as channel:
        assert await channel.unary_unary(f"{PATH}Echo", **TEXTS)("x") == "answered"
        with pytest.raises(LookupError):
            await channel.unary_unary(f"{PATH}Echo", **TEXTS)("fail")
    assert [span.attributes.get("error.type") for span in clients(recorder)] == [None, "LookupError"]


async def test_the_calls_duration_is_recorded(serve: Any, methods: Any, connect: Any) -> None:
    """`rpc.client.call.duration` counts each call with its status."""
    reader = InMemoryMetricReader()
    instruments = Instruments.create(MeterProvider([reader], shutdown_on_exit=False).get_meter("t"))
    async with serve(methods) as port, connect(port, instruments=instruments) as channel:
        await channel.unary_unary(f"{PATH}Echo", **TEXTS)("x")
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(f"{PATH}RefuseEcho", **TEXTS)("x")
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "rpc.client.call.duration"
    assert {point.attributes["rpc.response.status_code"] for point in metric.data.data_points} == {
        "OK",
        "NOT_FOUND",
    }


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("dns:///fetch.internal:50051", ("fetch.internal", 50051)),
        ("dns://8.8.8.8/fetch:1", ("fetch", 1)),
        ("localhost:50050", ("localhost", 50050)),
        ("ipv4:10.0.0.1:50,10.0.0.2:50", ("10.0.0.1", 50)),
        ("ipv6:[::1]:50", ("::1", 50)),
        ("[::1]:50", ("::1", 50)),
        ("unix:/run/fetch.sock", ("/run/fetch.sock", None)),
        ("unix:///run/fetch.sock", ("/run/fetch.sock", None)),
        ("fetch", ("fetch", None)),
    ],
)
def test_targets_are_split_into_host_and_port(target: str, expected: tuple[str, int | None]) -> None:
    """`server.address` and `server.port` come from the channel's target, in each of gRPC's forms."""
    assert split_target(target) == expected
