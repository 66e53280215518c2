"""SERVER spans of real grpc.aio servers on loopback."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from collatio.runtime.telemetry.metrics import Instruments
from collatio.runtime.telemetry.rpc_server import ServerTracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
METADATA = (("traceparent", TRACEPARENT), ("tracestate", "vendor=1"), ("baggage", "collatio.job.id=job-7"))
UNARY = "/collatio.test.Probe/Unary"


def unary(channel: Any, method: str = UNARY) -> Any:
    """Make a unary method of a channel."""
    return channel.unary_unary(method, request_serializer=str.encode, response_deserializer=bytes.decode)


def stream(channel: Any, method: str = "/collatio.test.Probe/Stream") -> Any:
    """Make a method with many responses of a channel."""
    return channel.unary_stream(method, request_serializer=str.encode, response_deserializer=bytes.decode)


async def test_unary_call_is_a_server_span_under_the_callers_span(
    serve: Any, handle: Any, recorder: Any
) -> None:
    """The caller's traceparent, tracestate and baggage become the span's parent, state and job id."""

    async def echo(request: str, context: Any) -> str:
        return request

    async with (
        serve({"Unary": handle(echo)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        assert await unary(channel)("hello", metadata=METADATA) == "hello"
    (span,) = recorder.spans
    assert span.name == "collatio.test.Probe/Unary"
    assert span.kind == "SERVER"
    assert (span.trace_id, span.parent_id) == (TRACEPARENT[3:35], TRACEPARENT[36:52])
    assert span.status == "UNSET"
    assert span.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "collatio.test.Probe/Unary",
        "rpc.response.status_code": "OK",
        "rpc.status_code": "OK",
        "server.address": "127.0.0.1",
        "server.port": port,
        "collatio.job.id": "job-7",
    }
    assert recorder.ended[0].get_span_context().trace_state.get("vendor") == "1"


SEEN: dict[str, set[str]] = {}


def note(name: str) -> None:
    """Note which span is current."""
    SEEN.setdefault(name, set()).add(
        trace.format_span_id(trace.get_current_span().get_span_context().span_id)
    )


async def unary_unary(request: str, context: Any) -> str:
    """Answer once."""
    note("UnaryUnary")
    return request


async def generator(request: str, context: Any) -> AsyncIterator[str]:
    """Answer twice, by yielding."""
    for _ in range(2):
        note("Generator")
        yield request


async def writer(request: str, context: Any) -> None:
    """Answer twice, by writing."""
    for _ in range(2):
        note("Writer")
        await context.write(request)


async def stream_unary(requests: Any, context: Any) -> str:
    """Answer many requests once."""
    joined = "".join([request async for request in requests])
    note("StreamUnary")
    return joined


async def stream_stream(requests: Any, context: Any) -> AsyncIterator[str]:
    """Answer each request, by yielding."""
    async for request in requests:
        note("StreamStream")
        yield request


async def reader_writer(_: Any, context: Any) -> None:
    """Answer each request, by reading and writing."""
    while (request := await context.read()) is not grpc.aio.EOF:
        note("ReaderWriter")
        await context.write(request)


SHAPES: dict[str, tuple[Any, str, str, Any]] = {
    "UnaryUnary": (unary_unary, "unary", "unary", "ab"),
    "Generator": (generator, "unary", "stream", ["ab", "ab"]),
    "Writer": (writer, "unary", "stream", ["ab", "ab"]),
    "StreamUnary": (stream_unary, "stream", "unary", "ab"),
    "StreamStream": (stream_stream, "stream", "stream", ["a", "b"]),
    "ReaderWriter": (reader_writer, "stream", "stream", ["a", "b"]),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_the_span_is_current_in_every_shape_of_handler(
    serve: Any, handle: Any, ask: Any, recorder: Any, name: str
) -> None:
    """In a handler of whatever shape and style, at each of its turns, the call's span is the current one."""
    SEEN.clear()
    behavior, requests, responses, answer = SHAPES[name]
    shape = {"requests": requests, "responses": responses}
    async with (
        serve({name: handle(behavior, **shape)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        assert await ask(channel, name, "ab", **shape) == answer
    (span,) = recorder.spans
    assert {name: {span.span_id}} == SEEN
    assert span.attributes["rpc.response.status_code"] == "OK"
    assert span.parent_id is None
    assert recorder.open == 0


@pytest.mark.parametrize(
    "expected",
    [
        (grpc.StatusCode.NOT_FOUND, "UNSET"),
        (grpc.StatusCode.INVALID_ARGUMENT, "UNSET"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "UNSET"),
        (grpc.StatusCode.CANCELLED, "UNSET"),
        (grpc.StatusCode.UNAVAILABLE, "ERROR"),
        (grpc.StatusCode.UNIMPLEMENTED, "ERROR"),
        (grpc.StatusCode.DATA_LOSS, "ERROR"),
        (grpc.StatusCode.INTERNAL, "ERROR"),
    ],
)
@pytest.mark.parametrize("shape", ["unary", "generator", "writer"])
async def test_abort_is_told_as_it_was(
    serve: Any, handle: Any, ask: Any, recorder: Any, *, expected: tuple[grpc.StatusCode, str], shape: str
) -> None:
    """An abort's code is the span's; only the server's own faults make it an ERROR."""
    code, status = expected

    async def abort(request: str, context: Any) -> Any:
        await context.abort(code, "a sentence")

    async def abort_after_one(request: str, context: Any) -> AsyncIterator[str]:
        yield request
        await context.abort(code, "a sentence")

    responses = "unary" if shape == "unary" else "stream"
    behavior = abort_after_one if shape == "generator" else abort
    async with (
        serve({"Call": handle(behavior, responses=responses)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(channel, "Call", "x", responses=responses)
    assert caught.value.code() is code
    (span,) = recorder.spans
    assert span.attributes["rpc.response.status_code"] == span.attributes["rpc.status_code"] == code.name
    assert span.status == status
    assert span.attributes.get("error.type") == (code.name if status == "ERROR" else None)


async def test_abort_with_status_is_told_as_it_was(serve: Any, handle: Any, recorder: Any) -> None:
    """`abort_with_status` counts like `abort`."""

    class Unavailable:
        code = grpc.StatusCode.UNAVAILABLE
        details = "later"
        trailing_metadata = ()

    async def refuse(request: str, context: Any) -> Any:
        await context.abort_with_status(Unavailable)

    async with (
        serve({"Unary": handle(refuse)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await unary(channel)("x")
    (span,) = recorder.spans
    assert span.attributes["rpc.response.status_code"] == "UNAVAILABLE"


async def test_a_code_set_without_abort_is_the_spans(serve: Any, handle: Any, recorder: Any) -> None:
    """`set_code` and a normal return are a failed call."""

    async def set_code(request: str, context: Any) -> str:
        context.set_code(grpc.StatusCode.DATA_LOSS)
        return ""

    async with (
        serve({"Unary": handle(set_code)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await unary(channel)("x")
    (span,) = recorder.spans
    assert (span.attributes["rpc.response.status_code"], span.status) == ("DATA_LOSS", "ERROR")


@pytest.mark.parametrize("responses", ["unary", "stream"])
async def test_an_unhandled_error_is_unknown_and_its_text_stays_out(
    serve: Any, handle: Any, ask: Any, recorder: Any, responses: str
) -> None:
    """The caller gets UNKNOWN, the span says so with the error's class, and never what the error says."""

    async def fail(request: str, context: Any) -> str:
        raise ZeroDivisionError("canary-text-of-a-document")

    async def fail_late(request: str, context: Any) -> AsyncIterator[str]:
        yield request
        raise ZeroDivisionError("canary-text-of-a-document")

    behavior = fail if responses == "unary" else fail_late
    async with (
        serve({"Call": handle(behavior, responses=responses)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(channel, "Call", "x", responses=responses)
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    (span,) = recorder.spans
    assert (span.attributes["rpc.response.status_code"], span.status) == ("UNKNOWN", "ERROR")
    assert span.attributes["error.type"] == "ZeroDivisionError"
    assert "canary" not in repr(span)


@pytest.mark.parametrize("responses", ["unary", "stream"])
async def test_a_response_that_cannot_be_serialized_is_told(
    serve: Any, handle: Any, ask: Any, recorder: Any, responses: str
) -> None:
    """The handler returned, yet the caller gets UNKNOWN: so does the span."""

    async def wrong(request: str, context: Any) -> Any:
        return 7

    async def wrong_late(request: str, context: Any) -> AsyncIterator[Any]:
        yield 7

    behavior = wrong if responses == "unary" else wrong_late
    async with (
        serve({"Call": handle(behavior, responses=responses)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await ask(channel, "Call", "x", responses=responses)
    (span,) = recorder.spans
    assert span.attributes["rpc.response.status_code"] == "UNKNOWN"
    assert span.attributes["error.type"] == "AttributeError"


@pytest.mark.parametrize("shape", ["unary", "generator", "writer"])
@pytest.mark.parametrize("way", ["cancel", "deadline"])
async def test_cancellation_and_deadline_are_told_apart(
    serve: Any, handle: Any, recorder: Any, shape: str, way: str
) -> None:
    """A caller that cancels is no fault of the server's; a passed deadline is an ERROR."""
    entered, left = asyncio.Event(), asyncio.Event()

    async def wait(request: str, context: Any) -> Any:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async def wait_generating(request: str, context: Any) -> AsyncIterator[str]:
        entered.set()
        try:
            await asyncio.Event().wait()
            yield ""
        finally:
            left.set()

    behavior = wait_generating if shape == "generator" else wait
    responses = "unary" if shape == "unary" else "stream"
    async with (
        serve({"Call": handle(behavior, responses=responses)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        make = unary if shape == "unary" else stream
        call = make(channel, "/collatio.test.Probe/Call")("x", timeout=60 if way == "cancel" else 0.3)
        reading = asyncio.ensure_future(call.read() if shape != "unary" else call)
        await asyncio.wait_for(entered.wait(), 10)
        if way == "cancel":
            call.cancel()
        await asyncio.wait([reading], timeout=10)
        await asyncio.wait_for(left.wait(), 10)
    (span,) = recorder.spans
    expected = ("CANCELLED", "UNSET") if way == "cancel" else ("DEADLINE_EXCEEDED", "ERROR")
    assert (span.attributes["rpc.response.status_code"], span.status) == expected


async def test_a_stream_nobody_reads_any_more_ends_its_span(serve: Any, handle: Any, recorder: Any) -> None:
    """A generator cut while its response is being sent ends as cancelled, in whatever task it is closed."""
    closed = asyncio.Event()

    async def endless(request: str, context: Any) -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * 100_000
        finally:
            closed.set()

    async with (
        serve({"Stream": handle(endless, responses="stream")}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        call = stream(channel)("go")
        assert await call.read()
        call.cancel()
        await asyncio.wait_for(closed.wait(), 10)
    (span,) = recorder.spans
    assert span.attributes["rpc.response.status_code"] == "CANCELLED"


async def test_server_stop_ends_the_spans_of_calls_in_progress(
    serve: Any, handle: Any, recorder: Any
) -> None:
    """No span stays open when the server stops under its calls."""
    entered = asyncio.Event()

    async def wait(request: str, context: Any) -> str:
        entered.set()
        await asyncio.Event().wait()
        return ""

    async with grpc.aio.insecure_channel("127.0.0.1:1") as _:
        async with serve({"Unary": handle(wait)}) as port:
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            call = asyncio.ensure_future(_outcome(unary(channel)("x")))
            await asyncio.wait_for(entered.wait(), 10)
        await asyncio.wait_for(call, 10)
        await channel.close()
    assert recorder.open == 0
    assert len(recorder.spans) == 1


async def _outcome(call: Any) -> Any:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return error.code()


async def test_an_unknown_method_is_one_span_named_other(serve: Any, recorder: Any) -> None:
    """What callers make up names no span: the name is `_OTHER`, the original is an attribute."""
    async with serve({}) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, "/collatio.test.Probe/Nothing")("x")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    (span,) = recorder.spans
    assert (span.name, span.status) == ("_OTHER", "ERROR")
    assert span.attributes["rpc.method_original"] == "collatio.test.Probe/Nothing"


async def test_health_makes_no_spans_and_watch_works(serve: Any, recorder: Any) -> None:
    """Health's Check and its coroutine-style Watch go through untouched."""
    servicer = health.aio.HealthServicer()
    add = health_pb2_grpc.add_HealthServicer_to_server
    async with (
        serve({}, also=lambda server: add(servicer, server)) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=""))
        assert (await asyncio.wait_for(watch.read(), 10)).status == health_pb2.HealthCheckResponse.SERVING
        await servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert (await asyncio.wait_for(watch.read(), 10)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
    assert recorder.started == 0


async def test_what_an_inner_interceptor_refuses_is_traced(serve: Any, handle: Any, recorder: Any) -> None:
    """An interceptor that refuses a call, as a limit or a check of credentials does, is seen."""

    class Refusing(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation: Any, details: Any) -> Any:
            async def refuse(request: str, context: Any) -> Any:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")

            return handle(refuse)

    async with (
        serve({}, Refusing()) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await unary(channel)("x")
    (span,) = recorder.spans
    assert (span.attributes["rpc.response.status_code"], span.status) == ("UNAUTHENTICATED", "UNSET")


async def test_calls_side_by_side_keep_their_contexts_apart(serve: Any, handle: Any, recorder: Any) -> None:
    """Fifty calls at once: each handler sees its own caller's trace."""

    async def trace_id(request: str, context: Any) -> str:
        await asyncio.sleep(0)
        return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)

    async with (
        serve({"Unary": handle(trace_id)}) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        ids = [f"{number:032x}" for number in range(1, 51)]
        calls = [unary(channel)("x", metadata=(("traceparent", f"00-{one}-{1:016x}-01"),)) for one in ids]
        assert await asyncio.gather(*calls) == ids


async def test_the_calls_duration_is_recorded_without_ids(tracing: Any, handle: Any) -> None:
    """`rpc.server.call.duration` has the method and the status, and nothing that grows with jobs."""
    reader = InMemoryMetricReader()
    instruments = Instruments.create(MeterProvider([reader], shutdown_on_exit=False).get_meter("t"))

    async def echo(request: str, context: Any) -> str:
        return request

    server = grpc.aio.server(interceptors=[ServerTracing(tracing, instruments)])
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("collatio.test.Probe", {"Unary": handle(echo)})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await unary(channel)("x", metadata=METADATA)
    await server.stop(0)
    data = reader.get_metrics_data()
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert (metric.name, metric.unit, point.count) == ("rpc.server.call.duration", "s", 1)
    assert dict(point.attributes) == {
        "rpc.system.name": "grpc",
        "rpc.method": "collatio.test.Probe/Unary",
        "rpc.response.status_code": "OK",
    }


async def test_settled_waits_for_calls_in_progress_and_no_longer(tracing: Any, handle: Any, ask: Any) -> None:
    """What a server does between stopping and flushing: it returns at once when idle, and keeps its bound."""
    traced = ServerTracing(tracing)
    assert await traced.settled(0)
    seen: list[bool] = []

    async def look(request: str, context: Any) -> str:
        seen.append(await traced.settled(0.01))
        return request

    server = grpc.aio.server(interceptors=[traced])
    methods = {"Unary": handle(look)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("collatio.test.Probe", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await ask(channel, "Unary", "x")
    await server.stop(0)
    assert await traced.settled(10)
    assert seen == [False]
