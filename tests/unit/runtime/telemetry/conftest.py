"""What the telemetry tests share: a clock, a recorder of spans, a loopback gRPC server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider, sampling

from collatio.runtime.telemetry.job_stamp import JobStamp
from collatio.runtime.telemetry.otlp_json import encode_line
from collatio.runtime.telemetry.reader import Spans, read_lines
from collatio.runtime.telemetry.rpc_server import ServerTracing
from collatio.runtime.telemetry.tracing import Tracing, w3c_propagator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping


@dataclass
class FakeClock:
    """Nanoseconds that move only when told, plus one a reading, so that order is visible."""

    now_ns: int = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        """Tell the time."""
        self.now_ns += 1
        return self.now_ns

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 1e9)


@dataclass
class Recorder(SpanProcessor):
    """Keeps ended spans, and shows them as the reader would."""

    started: int = 0
    ended: list[ReadableSpan] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Count a span."""
        self.started += 1

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span."""
        self.ended.append(span)
        self.news.set()

    async def settled(self) -> None:
        """Wait until every span that was started has ended."""
        async with asyncio.timeout(10):
            while self.open:
                self.news.clear()
                await self.news.wait()

    @property
    def spans(self) -> Spans:
        """Give the ended spans as they would be read from a file."""
        return read_lines([encode_line(self.ended)]) if self.ended else Spans(())

    @property
    def open(self) -> int:
        """Count the spans that have not ended."""
        return self.started - len(self.ended)


@pytest.fixture
def clock() -> FakeClock:
    """Make a clock that stands still."""
    return FakeClock()


@pytest.fixture
def recorder() -> Recorder:
    """Keep what is traced."""
    return Recorder()


@pytest.fixture
def tracing(recorder: Recorder, clock: FakeClock) -> Tracing:
    """Trace into the recorder, by the fake clock."""
    provider = TracerProvider(
        sampler=sampling.DEFAULT_ON,
        resource=Resource({"service.name": "collatio-test"}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(JobStamp())
    provider.add_span_processor(recorder)
    return Tracing(provider.get_tracer("collatio", "0"), w3c_propagator(), clock)


def text(message: Any) -> bytes:
    """Serialize; fails for what is no text, as a protobuf serializer fails for a wrong message.

    grpc.aio's server encodes a str before it asks the serializer.
    """
    return message if isinstance(message, bytes) else message.encode()


def handler(behavior: Any, *, requests: str = "unary", responses: str = "unary") -> grpc.RpcMethodHandler:
    """Make a method handler of the wanted shape for text messages."""
    make = getattr(grpc, f"{requests}_{responses}_rpc_method_handler")
    return make(behavior, request_deserializer=bytes.decode, response_serializer=text)


@pytest.fixture
def serve(tracing: Tracing) -> Any:
    """Serve handlers of `collatio.test.Probe` on loopback, traced; gives the port."""

    @asynccontextmanager
    async def serving(
        methods: Mapping[str, grpc.RpcMethodHandler],
        *interceptors: Any,
        also: Callable[[Any], None] | None = None,
    ) -> AsyncIterator[int]:
        traced = ServerTracing(tracing)
        server = grpc.aio.server(interceptors=[traced, *interceptors], options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("collatio.test.Probe", methods)]
        )
        if also is not None:
            also(server)
        port = server.add_insecure_port("127.0.0.1:0")
        traced.listening_on("127.0.0.1", port)
        await server.start()
        try:
            yield port
        finally:
            await server.stop(0)
            assert await traced.settled(10)

    return serving


@pytest.fixture
def handle() -> Any:
    """Make method handlers."""
    return handler


@pytest.fixture
def ask() -> Any:
    """Call a method of `collatio.test.Probe` in any shape and read all it answers."""

    async def asking(
        channel: Any,
        method: str,
        sent: Any,
        *,
        requests: str = "unary",
        responses: str = "unary",
        **options: Any,
    ) -> Any:
        make = getattr(channel, f"{requests}_{responses}")
        call = make(
            f"/collatio.test.Probe/{method}",
            request_serializer=str.encode,
            response_deserializer=bytes.decode,
        )
        made = call(sent if requests == "unary" else iter(sent), **options)
        if responses == "unary":
            return await made
        return [response async for response in made]

    return asking
