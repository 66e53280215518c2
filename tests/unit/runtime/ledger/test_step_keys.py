"""Step keys and limits: equal work has one key, other work another."""

from __future__ import annotations

import json

import pytest

from collatio.runtime.ledger.keys import canonical, step_key
from collatio.runtime.ledger.limits import Limits

BASE = {"tenant": "t", "stage": "extract", "engine": "e@1", "parts": {"a": 1, "b": [1, 2]}}


def test_the_order_of_names_does_not_matter() -> None:
    """Asking in another order is asking for the same."""
    other = {**BASE, "parts": {"b": [1, 2], "a": 1}}
    assert step_key(**BASE) == step_key(**other)  # type: ignore[arg-type] # a table of arguments


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "u"},
        {"stage": "compare"},
        {"engine": "e@2"},
        {"parts": {"a": 1, "b": [2, 1]}},
        {"parts": {"a": "1", "b": [1, 2]}},
        {"parts": {"a": True, "b": [1, 2]}},
        {"parts": {}},
    ],
)
def test_whatever_a_step_depends_on_changes_its_key(change: dict[str, object]) -> None:
    """Tenant, stage, engine and each part, with its type and order, count."""
    assert step_key(**BASE) != step_key(**{**BASE, **change})  # type: ignore[arg-type] # as above


def test_a_key_is_forty_hexadecimal_digits() -> None:
    """Safe in a key, an event and a message, whatever went in."""
    key = step_key(**{**BASE, "parts": {"name": "a \udc80 { } : é"}})  # type: ignore[arg-type] # as above
    assert len(key) == 40
    assert set(key) <= set("0123456789abcdef")


def test_names_and_values_do_not_run_together() -> None:
    """What moves from one argument to its neighbour makes another key."""
    one = step_key(tenant="ab", stage="c", engine="", parts={})
    assert one != step_key(tenant="a", stage="bc", engine="", parts={})


def test_what_has_no_canonical_form_is_refused() -> None:
    """NaN equals nothing, so it is no part of a key."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"x": float("nan")})


def test_limits_follow_from_the_two_leases() -> None:
    """A call's lease is 2L, and the scripts read every limit."""
    limits = Limits.for_leases(30, 60)
    assert (limits.lease_ms, limits.dispatch_ms, limits.call_lease_ms) == (30_000, 60_000, 60_000)
    assert limits == Limits()
    assert json.loads(limits.to_json())["window_ms"] == 4_000
