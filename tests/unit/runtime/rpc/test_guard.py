"""The guard: limits a method, and whatever a handler raises becomes a status a caller can act on."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.guard import MethodLimits
from collatio.runtime.rpc.status import DETAILS_KEY, from_rpc_error
from tests.unit.runtime.rpc.serving import SERVICE, error_of, method, plan_of, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "the text of a document"


class Gate:
    """Handlers that wait until the test lets them go."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = 0
        self.entered = asyncio.Condition()

    async def _enter(self) -> None:
        async with self.entered:
            self.inside += 1
            self.entered.notify_all()
        try:
            await self.open.wait()
        finally:
            self.inside -= 1

    async def unary(self, request: StringValue, _: Any) -> StringValue:
        """Answer when allowed."""
        await self._enter()
        return request

    async def down(self, request: StringValue, _: Any) -> AsyncIterator[StringValue]:
        """Answer once at first, then when allowed."""
        yield request
        await self._enter()

    async def until(self, inside: int) -> None:
        """Wait until so many are inside."""
        async with self.entered:
            await self.entered.wait_for(lambda: self.inside >= inside)


async def test_a_stream_that_its_caller_leaves_is_closed_at_once() -> None:
    """Its handler learns of it even where somebody still refers to it: nothing waits for the collector."""
    closed = asyncio.Event()
    kept: list[AsyncIterator[StringValue]] = []

    async def endless(request: StringValue) -> AsyncIterator[StringValue]:
        try:
            while True:
                yield request
        finally:
            closed.set()

    def down(request: StringValue, _: Any) -> AsyncIterator[StringValue]:
        kept.append(endless(request))
        return kept[-1]

    async with running(plan_of({"down": ("down", down)})) as (_, channel):
        call = method(channel, "down", "down")(StringValue(value="x" * 10_000), timeout=30)
        await call.read()
        call.cancel()
        async with asyncio.timeout(10):
            await closed.wait()


async def test_a_method_has_so_many_calls_at_once() -> None:
    """One more is RESOURCE_EXHAUSTED with a delay; others, and health, go on; what ends makes room."""
    gate = Gate()
    methods = {"Wait": ("unary", gate.unary), "Other": ("unary", gate.unary)}
    limits = MethodLimits(methods={f"/{SERVICE}/Wait": 2})
    async with running(plan_of(methods, limits=limits)) as (_, channel):
        wait = method(channel, "Wait")
        calls = [wait(StringValue(value=str(n))) for n in range(2)]
        for call in calls:
            asyncio.ensure_future(call)  # noqa: RUF006 - awaited below
        await gate.until(2)
        error = from_rpc_error(await error_of(wait(StringValue())))
        assert (error.reason, error.retry_after_s) == (Reason.QUOTA_EXCEEDED, 1.0)
        health: Any = health_pb2_grpc.HealthStub(channel)
        for _ in range(5):
            assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
        gate.open.set()
        assert [(await call).value for call in calls] == ["0", "1"]
        assert (await wait(StringValue(value="again"))).value == "again"
        assert (await method(channel, "Other")(StringValue(value="x"))).value == "x"


async def test_streams_have_a_limit_of_their_own() -> None:
    """A stream that its caller leaves makes room, though nobody told it so."""
    gate = Gate()
    methods = {"Watch": ("down", gate.down)}
    async with running(plan_of(methods, limits=MethodLimits(streams=1))) as (_, channel):
        watch = method(channel, "Watch", "down")
        first = watch(StringValue())
        await first.read()
        await gate.until(1)

        async def refused() -> Any:
            return await watch(StringValue()).read()

        assert from_rpc_error(await error_of(refused())).reason is Reason.QUOTA_EXCEEDED
        first.cancel()
        async with asyncio.timeout(5):
            while gate.inside:
                await asyncio.sleep(0)
            second = watch(StringValue(value="second"))
            while True:
                try:
                    answer = await second.read()
                    break
                except grpc.aio.AioRpcError:
                    second = watch(StringValue(value="second"))
        assert answer.value == "second"
        second.cancel()


async def _raises(_: Any, __: Any) -> Any:
    raise ValueError(SECRET)


async def _raises_later(request: Any, _: Any) -> AsyncIterator[Any]:
    yield request
    raise ValueError(SECRET)


async def _refuses(_: Any, __: Any) -> Any:
    raise CollatioError(Reason.JOB_NOT_FOUND, "There is no such job.")


async def _aborts(_: Any, context: Any) -> Any:
    await context.abort(grpc.StatusCode.DATA_LOSS, "as it stands")


METHODS = {
    "Raises": ("unary", _raises),
    "RaisesLater": ("down", _raises_later),
    "Refuses": ("unary", _refuses),
    "Aborts": ("unary", _aborts),
}


async def read_all(call: Any) -> None:
    """Read a stream to its end."""
    async for _ in call:
        pass


async def test_what_nobody_expected_is_internal_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """In a unary call and in the middle of a stream: the caller learns nothing of it, the log all."""
    async with running(plan_of(METHODS)) as (_, channel):
        with caplog.at_level(logging.ERROR):
            errors = [
                await error_of(method(channel, "Raises")(StringValue())),
                await error_of(read_all(method(channel, "RaisesLater", "down")(StringValue()))),
            ]
    for error in errors:
        assert error.code() is grpc.StatusCode.INTERNAL
        assert from_rpc_error(error).reason is Reason.INTERNAL
        trailers: Any = error.trailing_metadata()
        assert SECRET not in str(error.details()) + str(trailers)
    logged = [record for record in caplog.records if record.message == "unexpected error"]
    assert [record.fields["method"] for record in logged] == [  # type: ignore[attr-defined] # set by `extra`
        f"/{SERVICE}/Raises",
        f"/{SERVICE}/RaisesLater",
    ]
    assert all(record.exc_info for record in logged)


async def test_typed_errors_become_their_statuses() -> None:
    """With the details a caller branches on."""
    async with running(plan_of(METHODS)) as (_, channel):
        error = await error_of(method(channel, "Refuses")(StringValue()))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "There is no such job.")
    trailers: Any = error.trailing_metadata()
    assert DETAILS_KEY in dict(trailers)


async def test_an_abort_passes() -> None:
    """A handler that aborted has had its say."""
    async with running(plan_of(METHODS)) as (_, channel):
        error = await error_of(method(channel, "Aborts")(StringValue()))
    assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, "as it stands")


async def test_what_cannot_be_parsed_is_the_caller_s_fault() -> None:
    """In every shape of method, at the first request of a stream and at a later one."""
    seen: list[str] = []

    async def up(requests: AsyncIterator[StringValue], _: Any) -> StringValue:
        async for request in requests:
            seen.append(request.value)  # noqa: PERF401 - what came before the fault is to be seen
        return StringValue()

    async def both(requests: AsyncIterator[StringValue], _: Any) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield request

    async def down(request: StringValue, _: Any) -> AsyncIterator[StringValue]:
        yield request

    methods = {
        "Up": ("up", up),
        "Both": ("both", both),
        "Down": ("down", down),
        "Refuses": ("unary", _refuses),
    }
    bad, good = b"\x0a\x02\xff\xfe", StringValue(value="good").SerializeToString()
    async with running(plan_of(methods)) as (_, channel):
        errors = [
            await error_of(channel.unary_unary(f"/{SERVICE}/Refuses")(bad)),
            await error_of(read_all(channel.unary_stream(f"/{SERVICE}/Down")(bad))),
            await error_of(channel.stream_unary(f"/{SERVICE}/Up")(iter([good, bad]))),
            await error_of(read_all(channel.stream_stream(f"/{SERVICE}/Both")(iter([good, bad])))),
        ]
    assert [from_rpc_error(error).reason for error in errors] == [Reason.INVALID_REQUEST] * 4
    assert seen == ["good"]


async def test_a_server_that_drains_takes_no_further_call() -> None:
    """Calls that run go on; new ones are sent elsewhere."""
    gate = Gate()
    async with running(plan_of({"Wait": ("unary", gate.unary)})) as (server, channel):
        wait = method(channel, "Wait")
        call = asyncio.ensure_future(wait(StringValue(value="a")))
        await gate.until(1)
        draining = asyncio.create_task(server._guard.drained(5.0))
        await asyncio.sleep(0)
        error = from_rpc_error(await error_of(wait(StringValue())))
        assert error.reason is Reason.SHUTTING_DOWN
        gate.open.set()
        assert (await call).value == "a"
        assert await draining
