"""A job's stream to a stage outlives the stage's servers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.rpc.channel import open_channel
from collatio.runtime.rpc.status import to_grpc
from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import compare_pb2_grpc, fetch_pb2_grpc
from collatio.v1 import fetch_pb2 as fetch
from gateway.run.stream import StageStream
from tests.support.scripted_stages import ScriptedStages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from collatio.runtime.blobs.local import LocalBlobs

Stream = StageStream[fetch.FetchItem, fetch.FetchRequest, fetch.FetchResponse]


@pytest.fixture
async def channel(stages: ScriptedStages) -> AsyncIterator[grpc.aio.Channel]:
    """A plain channel to the stages."""
    async with grpc.aio.insecure_channel(stages.target) as opened:
        yield opened


def stream_to(channel: grpc.aio.Channel, **options: Any) -> Stream:
    """Make a fetch stream that does not wait between tries."""

    def request(items: Sequence[fetch.FetchItem], first: bool) -> fetch.FetchRequest:
        return fetch.FetchRequest(job="jobs/a" if first else "", items=items)

    cancel = fetch.FetchRequest(cancel=True)
    stub: Any = fetch_pb2_grpc.FetchServiceStub(channel)
    return StageStream(stub.Fetch, request, cancel, **({"backoff_s": (0.0,)} | options))


def whole_stream_to(
    channel: grpc.aio.Channel,
) -> StageStream[compare.CompareDocument, compare.CompareRequest, compare.CompareResponse]:
    """Make a compare stream, of which nothing is answered before all of it is asked."""
    stub: Any = compare_pb2_grpc.CompareServiceStub(channel)
    return StageStream(
        stub.Compare,
        lambda documents, _: compare.CompareRequest(documents=documents),
        compare.CompareRequest(cancel=True),
        complete=compare.CompareRequest(complete=True),
        backoff_s=(0.0,),
    )


def item(name: str) -> fetch.FetchItem:
    """Make an item that finds one document."""
    return fetch.FetchItem(item_id=name, source=common.Source(uri=f"one:{name}"))


async def gather(stream: Stream) -> list[str]:
    """Read a stream to its end, answering what is done; returns the ids of what was found."""
    found = []
    async for response in stream.responses():
        for outcome in response.outcomes:
            if outcome.HasField("done"):
                stream.answered(outcome.item_id)
            else:
                found.append(outcome.item_id)
    return found


async def test_everything_asked_is_answered(stages: ScriptedStages, channel: grpc.aio.Channel) -> None:
    """In batches, on one stream that names its job once."""
    stream = stream_to(channel)
    for n in range(300):
        await stream.send(str(n), item(str(n)))
    stream.close()
    assert await gather(stream) == [str(n) for n in range(300)]
    assert (stages.jobs, stages.streams["fetch"]) == (["jobs/a"], 1)


async def test_a_broken_stream_asks_for_the_rest_only(
    stages: ScriptedStages, channel: grpc.aio.Channel
) -> None:
    """What was answered before the break is not asked again; what was cut in the middle is."""
    stages.script.breaks["fetch"] = [5, 0, 2]
    stream = stream_to(channel)
    for n in range(10):
        await stream.send(str(n), item(str(n)))
    stream.close()
    found = await gather(stream)
    assert set(found) == {str(n) for n in range(10)}
    assert stages.streams["fetch"] == 4
    assert stages.jobs == ["jobs/a"] * 4
    assert stages.asked["fetch", "0"] == 1
    assert stages.asked["fetch", "9"] == 4


async def test_what_is_asked_after_a_break_goes_to_the_new_stream(
    stages: ScriptedStages, channel: grpc.aio.Channel
) -> None:
    """The broken stream's writer is left waiting by gRPC; it takes nothing that is asked later."""
    stages.script.breaks["fetch"] = [2, 2, 2]
    stream = stream_to(channel)
    found: list[str] = []

    async def answer() -> None:
        async for response in stream.responses():
            for outcome in response.outcomes:
                if outcome.HasField("done"):
                    stream.answered(outcome.item_id)
                    found.append(outcome.item_id)
                    await stages.tell()

    reading = asyncio.create_task(answer())
    for n in range(40):
        await stream.send(str(n), item(str(n)))
        async with asyncio.timeout(5):
            await stages.until(lambda n=n: str(n) in found)
    stream.close()
    async with asyncio.timeout(5):
        await reading
    assert found == [str(n) for n in range(40)]


async def test_a_channel_does_not_try_a_stream_again_by_itself(stages: ScriptedStages) -> None:
    """Its holder alone does: with what is still to be answered, and a word in the log."""
    stages.script.breaks["fetch"] = [0, 0]
    async with open_channel(stages.target) as channel:
        stub: Any = fetch_pb2_grpc.FetchServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            async for _ in stub.Fetch(iter([fetch.FetchRequest(items=[item("0")])])):
                pass
    assert stages.streams["fetch"] == 1


async def test_a_silent_stream_is_opened_again(stages: ScriptedStages, channel: grpc.aio.Channel) -> None:
    """A server that takes everything and answers nothing holds nobody up for good."""
    stages.script.hold = {"fetch"}
    stream = stream_to(channel, silence_s=0.05)
    for n in range(10):
        await stream.send(str(n), item(str(n)))
    stream.close()
    gathering = asyncio.create_task(gather(stream))
    async with asyncio.timeout(10):
        await stages.until(lambda: stages.streams["fetch"] >= 3)
        stages.released.set()
        assert set(await gathering) == {str(n) for n in range(10)}


async def test_a_stream_of_which_nothing_is_asked_may_be_silent(
    stages: ScriptedStages, channel: grpc.aio.Channel
) -> None:
    """What is asked of it later has its whole patience."""
    stream = stream_to(channel, silence_s=0.2)
    gathering = asyncio.create_task(gather(stream))
    async with asyncio.timeout(10):
        assert not (await asyncio.wait({gathering}, timeout=0.5))[0], "two silences and a half"
        await stream.send("0", item("0"))
        stream.close()
        assert await gathering == ["0"]
    assert stages.streams["fetch"] == 1


async def test_a_server_that_comes_back_goes_on(blobs: LocalBlobs) -> None:
    """Killed in the middle and started again at its address, it answers the rest."""
    stages = await ScriptedStages(blobs).start()
    stages.script.hold, stages.script.hold_after = {"fetch"}, {"fetch": 4}
    async with grpc.aio.insecure_channel(stages.target) as channel:
        stream = stream_to(channel, backoff_s=(0.0, 0.02))
        for n in range(10):
            await stream.send(str(n), item(str(n)))
        stream.close()
        reading = asyncio.create_task(gather(stream))
        await stages.until(lambda: stages.answered["fetch"] == 4)
        await stages.stop()
        again = await ScriptedStages(blobs).start(stages.port)
        assert set(await reading) == {str(n) for n in range(10)}
        assert again.asked["fetch", "9"] == 1
        await again.stop()


async def test_so_many_are_in_flight(stages: ScriptedStages, channel: grpc.aio.Channel) -> None:
    """Asking waits while too many are unanswered, and goes on as answers come."""
    stages.script.hold = {"fetch"}
    stream = stream_to(channel, in_flight_max=3)

    async def ask() -> None:
        for n in range(10):
            await stream.send(str(n), item(str(n)))
        stream.close()

    asking, reading = asyncio.create_task(ask()), asyncio.create_task(gather(stream))
    await stages.until(lambda: stages.asked.total() == 3)
    assert not asking.done()
    stages.released.set()
    assert len(await reading) == 10
    await asking


async def test_cancelling_is_told_to_the_stage(stages: ScriptedStages, channel: grpc.aio.Channel) -> None:
    """The stage hears it, the stream ends without error, and whoever waited to ask goes on."""
    stages.script.hold = {"fetch"}
    stream = stream_to(channel, in_flight_max=1)
    await stream.send("0", item("0"))
    reading = asyncio.create_task(gather(stream))
    asking = asyncio.create_task(stream.send("1", item("1")))
    await stages.until(lambda: stages.streams["fetch"] == 1)
    stream.cancel()
    assert await reading == []
    await asking
    assert stages.cancelled["fetch"] == 1
    assert await gather(stream) == []


async def test_nothing_asked_is_one_empty_request(stages: ScriptedStages, channel: grpc.aio.Channel) -> None:
    """A stream that is closed at once still tells its job, and ends."""
    stream = stream_to(channel)
    stream.close()
    assert await gather(stream) == []
    assert stages.jobs == ["jobs/a"]


async def test_a_status_that_cannot_be_mended_is_raised(
    stages: ScriptedStages, channel: grpc.aio.Channel
) -> None:
    """The stage's typed error comes through whole, at the first try."""
    error = CollatioError(Reason.TOO_MANY_PAIRS, "Three pairs.")
    stages.script.refuse["fetch"] = to_grpc(error)
    stream = stream_to(channel)
    stream.close()
    with pytest.raises(CollatioError) as caught:
        await gather(stream)
    assert (caught.value.reason, caught.value.message) == (Reason.TOO_MANY_PAIRS, "Three pairs.")
    assert stages.streams["fetch"] == 1


@pytest.mark.parametrize("breaks", [[], [1], [2], [1, 1, 2]])
async def test_a_whole_stream_is_answered_by_its_end(
    stages: ScriptedStages, channel: grpc.aio.Channel, breaks: list[int]
) -> None:
    """However late it breaks, all of it is asked again, and nobody else says what is answered."""
    stages.script.breaks["compare"] = breaks
    stream = whole_stream_to(channel)
    for name in "ab":
        await stream.send(name, compare.CompareDocument(document_id=name))
    stream.close()
    responses = [response async for response in stream.responses()]
    assert len(responses) == 2 + sum(breaks)
    assert stages.asked["compare", "a"] == 1 + len(breaks)


async def test_a_whole_stream_can_be_cancelled_to_its_end(
    stages: ScriptedStages, channel: grpc.aio.Channel
) -> None:
    """All is asked, the stage is at work, and still it hears that nothing is wanted any more."""
    stages.script.hold, stages.script.hold_after = {"compare"}, {"compare": 1}
    stream = whole_stream_to(channel)
    for name in "ab":
        await stream.send(name, compare.CompareDocument(document_id=name))
    stream.close()
    async with aclosing(stream.responses()) as responses:  # type: ignore[type-var] # a generator
        assert (await anext(responses)).planned.pair_count == 1
        stream.cancel()
        assert [response async for response in responses] == []
    assert stages.cancelled["compare"] == 1


async def test_an_answered_stream_that_breaks_is_done(
    stages: ScriptedStages, channel: grpc.aio.Channel
) -> None:
    """Nothing is left to ask: no further stream is opened."""
    stages.script.breaks["fetch"] = [2]
    stream = stream_to(channel)
    await stream.send("0", item("0"))
    stream.close()
    assert await gather(stream) == ["0"]
    assert stages.streams["fetch"] == 1
