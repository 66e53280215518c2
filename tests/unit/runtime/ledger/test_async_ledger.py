"""The servers' ledger does what the workers' does, over the same keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.ledger import AsyncLedger, wall_ms
from collatio.runtime.ledger.records import State, Step, Verdict

from .bench import DIGEST, ENGINE, LIMITS, Bench
from .own_valkey import own_valkey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def served(bench: Bench, valkey_url: str) -> AsyncIterator[AsyncLedger]:
    """Make a server's ledger over the bench's keys, under its clock."""
    name = bench.ledger.name.removeprefix("{collatio:").removesuffix("}")
    client = redis.asyncio.Redis.from_url(valkey_url)
    yield AsyncLedger(client, name, LIMITS, bench.clock)
    await client.aclose()


async def test_a_server_and_a_worker_share_a_step(served: AsyncLedger, bench: Bench) -> None:
    """Submitted and taken by a server, claimed and committed by a worker, read by the server."""
    bench.worker()
    submitted = await served.run(c.submit("c1", "t", "j", [Step("k", "{}", 5, ENGINE)], 4))
    assert [m.steps for m in submitted.taken.messages] == [("k",)]
    (claim,) = bench.claim("k")
    bench.settle(c.done("k", claim.token, DIGEST, ""))
    (step,) = await served.run(c.read(["k"]))
    assert (step.state, step.digest) == (State.DONE, DIGEST)
    assert step == bench.read("k")


async def test_every_command_answers_alike(served: AsyncLedger, bench: Bench) -> None:
    """Each command, run by either, gives equal values."""
    steps = [Step("k", "{}", 5, ENGINE)]
    commands: list[c.Command[Any]] = [
        c.beat("w1", 2, [ENGINE], "{}"),
        c.submit("c1", "t", "j", steps),
        c.submit("c1", "t", "j", steps),
        c.read(["k", "absent"]),
        c.touch(["c1", "c2"]),
        c.status(),
        c.quarantine(0, 5),
        c.replay(["k"]),
        c.expire(),
        c.renew([("k", 1)], ""),
        c.settle([c.done("k", 1, DIGEST, "")]),
        c.abandon("m", ["k"]),
        c.drop("c2"),
        c.claim("w1", [], "m", ["absent"]),
    ]
    for command in commands:
        answers = [await served.run(command), bench.run(command)]
        if command.script == "submit":
            assert [a.steps[0].state for a in answers] == [State.QUEUED] * 2
        elif command.script != "expire":
            assert answers[0] == answers[1], command.script


async def test_events_are_told_on_the_stream_a_server_reads(served: AsyncLedger, bench: Bench) -> None:
    """A blocking reader gets what a commit tells."""
    (token,) = bench.hold("k")
    bench.settle(c.done("k", token, DIGEST, ""))
    answer: Any = await served.client.xread({served.event_stream: "0"}, block=1000)
    ((_, entries),) = answer
    assert entries[-1][1] == {b"k": b"k"}


async def test_forgotten_scripts_are_sent_again(served: AsyncLedger, bench: Bench) -> None:
    """SCRIPT FLUSH costs a round trip and nothing else."""
    await served.run(c.status())
    await served.client.script_flush()
    assert (await served.run(c.status())).queued == 0


async def test_without_a_clock_the_store_keeps_the_time(valkey_url: str, stage_name: str) -> None:
    """In production every time is the server's own."""
    client = redis.asyncio.Redis.from_url(valkey_url)
    ledger = AsyncLedger(client, stage_name, LIMITS)
    before = wall_ms()
    status = await ledger.run(c.status())
    assert before - 1 <= status.now_ms <= wall_ms() + 1
    await client.aclose()


async def test_store_trouble_is_typed(tmp_path: Path) -> None:
    """Down, full and read-only are the same two errors as a worker sees."""
    with own_valkey(tmp_path) as server:
        client: Any = redis.asyncio.Redis.from_url(
            server.url, socket_timeout=0.3, retry=Retry(NoBackoff(), 0)
        )
        ledger = AsyncLedger(client, "troubled", LIMITS)
        submit = c.submit("c1", "t", "j", [Step("k", "{}", 5, ENGINE)])

        async def reason() -> Reason:
            with pytest.raises(CollatioError) as caught:
                await ledger.run(submit)
            return caught.value.reason

        await ledger.run(submit)
        await client.config_set("maxmemory", "1")
        assert await reason() is Reason.STATE_STORE_FULL
        await client.config_set("maxmemory", "0")
        await client.replicaof("127.0.0.1", "1")
        assert await reason() is Reason.STATE_STORE_UNAVAILABLE
        await client.execute_command("REPLICAOF", "NO", "ONE")
        await client.flushall()
        assert (await ledger.run(c.read(["k"])))[0].state is State.MISSING
        assert await ledger.run(c.settle([c.done("k", 1, DIGEST, "")])) == (Verdict.FENCED,)
        server.stop(hard=True)
        assert await reason() is Reason.STATE_STORE_UNAVAILABLE
        await client.aclose()
