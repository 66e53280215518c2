"""When Valkey is down, frozen, full, read-only, emptied or restarted: a typed error, and no half transition."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.ledger import store_error
from collatio.runtime.ledger.records import State, Step, Verdict

from .bench import DIGEST, ENGINE, LIMITS, Bench
from .own_valkey import OwnValkey, own_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnValkey]:
    """Start a Valkey to maltreat, with its log of commands on disk."""
    with own_valkey(tmp_path, "--appendonly", "yes") as made:
        yield made


@pytest.fixture
def bench(server: OwnValkey) -> Iterator[Bench]:
    """Lay out a bench on that Valkey, whose client tries once."""
    made = Bench(server.url, "troubled")
    made.client.close()
    made.client = made.ledger._client = server.client()
    yield made
    made.client.close()


@contextmanager
def refused(reason: Reason) -> Iterator[None]:
    """Expect one typed error, with a delay after which to try again."""
    with pytest.raises(CollatioError) as caught:
        yield
    assert (caught.value.reason, caught.value.retryable) == (reason, True)
    assert caught.value.retry_after_s


def dump(bench: Bench) -> dict[bytes, bytes | None]:
    """Read every key's value, in Valkey's own form."""
    return {key: bench.client.dump(key) for key in bench.client.scan_iter(count=1000)}


def every_write(key: str, token: int) -> list[c.Command[Any]]:
    """Make one of each transition that changes something on a running step."""
    return [
        c.submit("c9", "t", "j", []),
        c.renew([(key, token)], key),
        c.settle([c.done(key, token, DIGEST, "")]),
        c.settle([c.transient(key, token, "SOURCE_UNAVAILABLE", "m", 1)]),
        c.settle([c.release(key, token)]),
        c.touch(["c1"]),
        c.beat("w9", 1, ["e@1"], "{}"),
    ]


def test_a_store_that_is_down_is_unavailable(server: OwnValkey, bench: Bench) -> None:
    """Nobody listens: STATE_STORE_UNAVAILABLE."""
    server.stop(hard=True)
    with refused(Reason.STATE_STORE_UNAVAILABLE):
        bench.status()


def test_a_store_that_hangs_is_unavailable(server: OwnValkey, bench: Bench) -> None:
    """A frozen store answers nothing: STATE_STORE_UNAVAILABLE after the socket's timeout."""
    bench.status()
    server.process.send_signal(signal.SIGSTOP)
    with refused(Reason.STATE_STORE_UNAVAILABLE):
        bench.status()
    server.process.send_signal(signal.SIGCONT)
    assert bench.status().queued == 0


def test_a_read_only_store_is_unavailable_and_unchanged(server: OwnValkey, bench: Bench) -> None:
    """A replica refuses every write whole and still answers what reads alone."""
    (token,) = bench.hold("k")
    before = dump(bench)
    bench.client.replicaof("127.0.0.1", 1)
    for command in every_write("k", token):
        with refused(Reason.STATE_STORE_UNAVAILABLE):
            bench.run(command)
    assert bench.state("k") is State.RUNNING
    assert bench.status().running == 1
    assert dump(bench) == before
    bench.client.execute_command("REPLICAOF", "NO", "ONE")
    assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.COMMITTED,)


def test_a_full_store_refuses_new_work_whole(bench: Bench) -> None:
    """At maxmemory SUBMIT and BEAT change nothing; what reads alone answers; after relief all goes on."""
    bench.hold("k")
    bench.submit("waiting")
    before = dump(bench)
    bench.client.config_set("maxmemory", "1")
    steps = [Step("new", "{}", 5, ENGINE), Step("k", "{}", 5, ENGINE)]
    refusals: list[c.Command[Any]] = [c.submit("c9", "t", "j", steps, 4), c.beat("w9", 1, [ENGINE], "{}")]
    for command in refusals:
        with refused(Reason.STATE_STORE_FULL):
            bench.run(command)
    assert bench.status().running == 1
    assert dump(bench) == before
    bench.client.config_set("maxmemory", "0")
    assert bench.taken_keys() == ["waiting"]


def test_a_full_store_lets_work_in_hand_end(bench: Bench) -> None:
    """Leases and interest are kept and outcomes taken, whole, so that no worker is blamed for the memory."""
    tokens = bench.hold("done", "failed", "retry", "back")
    bench.client.config_set("maxmemory", "1")
    bench.later(LIMITS.lease_ms // 2)
    names = ("done", "failed", "retry", "back")
    assert bench.run(c.renew(list(zip(names, tokens, strict=True)), "done")) == (Verdict.OK,) * 4
    assert bench.run(c.touch(["c1"])) == ()
    assert bench.settle(
        c.done("done", tokens[0], DIGEST, "s"),
        c.permanent("failed", tokens[1], "ENCRYPTED", "m"),
        c.transient("retry", tokens[2], "SOURCE_UNAVAILABLE", "m", 10),
        c.release("back", tokens[3]),
    ) == (Verdict.COMMITTED, Verdict.FAILED, Verdict.WAITING, Verdict.REQUEUED)
    status = bench.status()
    assert (status.queued, status.running, status.retry_wait, status.due) == (1, 0, 1, 1)
    assert status.outstanding_ms == 0
    assert bench.events()[-1] == "done failed"


def test_a_full_store_lets_go(bench: Bench) -> None:
    """Ending a call frees memory, so it works when there is none, wholly."""
    bench.hold("held")
    bench.submit("a", "b", call="c2")
    bench.client.config_set("maxmemory", "1")
    bench.run(c.drop("c2"))
    assert [bench.state(k) for k in ("a", "b", "held")] == [State.MISSING, State.MISSING, State.RUNNING]
    assert bench.status().queued == 0


def test_an_emptied_store_never_pretends(bench: Bench) -> None:
    """After FLUSHALL everything is MISSING, dropped, fenced, lost or lapsed: never done."""
    bench.finish("done")
    held, _ = bench.hold("held", "sent")
    bench.client.flushall()
    assert {s.state for s in bench.run(c.read(["done", "held", "sent"]))} == {State.MISSING}
    assert {x.verdict for x in bench.claim("done", "held", "sent")} == {Verdict.DROPPED}
    assert bench.settle(c.done("held", held, DIGEST, "")) == (Verdict.FENCED,)
    assert bench.run(c.renew([("held", held)], "held")) == (Verdict.LOST,)
    assert bench.run(c.touch(["c1"])) == ("c1",)
    assert bench.expire().next_due_ms is None
    (again,) = bench.submit("done").steps
    assert (again.state, again.known) == (State.QUEUED, False)


def test_who_held_a_step_before_the_flush_is_fenced_after_it(bench: Bench) -> None:
    """A store that starts from nothing grants no token that is still out there."""
    (old,) = bench.hold("k")
    bench.client.flushall()
    bench.later(1)
    (new,) = bench.hold("k")
    assert new > old
    assert bench.settle(c.done("k", old, "a" * 64, "")) == (Verdict.FENCED,)


def test_forgotten_scripts_are_sent_again(bench: Bench) -> None:
    """SCRIPT FLUSH, or a restart, costs a round trip and nothing else."""
    (token,) = bench.hold("k")
    bench.client.script_flush()
    assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.COMMITTED,)
    bench.client.script_flush()
    assert bench.state("k") is State.DONE


def test_a_killed_store_comes_back_with_everything(server: OwnValkey, bench: Bench) -> None:
    """Kill -9 and a restart: leases, tokens, queue and interest stand as they stood."""
    (token,) = bench.hold("k")
    bench.submit("waiting", call="c2")
    before = (bench.read("k"), bench.read("waiting"), bench.status())
    server.stop(hard=True)
    server.restart()
    assert (bench.read("k"), bench.read("waiting"), bench.status()) == before
    assert bench.settle(c.done("k", token, DIGEST, "")) == (Verdict.COMMITTED,)
    assert bench.taken_keys() == ["waiting"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (redis.exceptions.OutOfMemoryError("x"), Reason.STATE_STORE_FULL),
        (
            redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'."),
            Reason.STATE_STORE_FULL,
        ),
        (redis.exceptions.ReadOnlyError("x"), Reason.STATE_STORE_UNAVAILABLE),
        (redis.BusyLoadingError("x"), Reason.STATE_STORE_UNAVAILABLE),
        (redis.ConnectionError("secret@host"), Reason.STATE_STORE_UNAVAILABLE),
        (redis.TimeoutError("x"), Reason.STATE_STORE_UNAVAILABLE),
        (OSError("x"), Reason.STATE_STORE_UNAVAILABLE),
    ],
)
def test_every_failure_has_its_reason_and_no_raw_text(error: Exception, reason: Reason) -> None:
    """The two reasons, without a word of the error's own text."""
    made = store_error(error)
    assert made.reason is reason
    assert "secret" not in str(made)
