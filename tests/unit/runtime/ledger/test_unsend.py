"""UNSEND: a publish that failed leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.ledger import commands as c
from collatio.runtime.ledger.records import State

from .bench import LIMITS

if TYPE_CHECKING:
    from .bench import Bench


def test_unsend_puts_a_message_back_in_its_order(bench: Bench) -> None:
    """A publish that failed leaves everything as it was, uncharged."""
    bench.worker()
    bench.submit("a", "b", "x", cost=3)
    (message,) = bench.take(1).messages
    assert message.steps == ("a", "b", "x")
    bench.run(c.unsend(message))
    status = bench.status()
    assert (status.queued, status.sent, status.outstanding_ms, status.due) == (3, 0, 0, 0)
    assert bench.taken_keys() == ["a", "b", "x"]
    assert bench.field("a", "ai") is None


def test_unsend_leaves_alone_what_is_no_longer_its_own(bench: Bench) -> None:
    """A step claimed, ended, or sent again in another message is not taken back."""
    bench.worker()
    bench.submit("a")
    (first,) = bench.take().messages
    bench.later_alive(LIMITS.dispatch_ms)
    (second,) = bench.expire().messages
    assert second.message != first.message
    bench.run(c.unsend(first))
    assert bench.state("a") is State.SENT
    bench.claim("a", message=second.message)
    bench.run(c.unsend(second))
    assert bench.state("a") is State.RUNNING


def test_unsend_drops_what_nobody_wants_any_more(bench: Bench) -> None:
    """A step whose interest ended between is removed instead."""
    bench.worker()
    bench.submit("a")
    (message,) = bench.take().messages
    bench.run(c.drop("c1"))
    bench.run(c.unsend(message))
    assert bench.state("a") is State.MISSING
