"""How a job ends, from what became of its documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.v1 import common_pb2 as common
from collatio.v1 import compare_pb2 as compare
from collatio.v1 import gateway_pb2 as pb
from gateway.run.documents import EXTRACTED, FAILED, Documents
from gateway.run.outcome import after_extraction, fails_at_once

if TYPE_CHECKING:
    from gateway.run.outcome import End

BASELINE = pb.JobSpec(compare=compare.CompareSpec(baseline=compare.BaselinePlan(key="base")))


def documents_of(*states: str) -> Documents:
    """Make documents: "ok", a reason, or either behind "base:"."""
    made = []
    for number, text in enumerate(states):
        found = pb.JobDocument(document_id=str(number), uri=str(number), state=EXTRACTED)
        found.baseline = text.startswith("base:")
        reason = text.removeprefix("base:")
        if reason != "ok":
            found.state = FAILED
            found.error.CopyFrom(common.DocumentError(reason=reason, message=f"It is {reason}."))
        made.append(found)
    return Documents(made)


def quorum(fraction: float) -> pb.JobSpec:
    """Make a spec that asks for a fraction."""
    return pb.JobSpec(on_failure=pb.FailurePolicy(quorum=pb.Quorum(fraction=fraction)))


@pytest.mark.parametrize(
    ("spec", "states", "reason"),
    [
        (pb.JobSpec(), [], "NO_DOCUMENTS"),
        (pb.JobSpec(), ["ok"], ""),
        (pb.JobSpec(), ["ok", "ENCRYPTED"], ""),
        (pb.JobSpec(), ["ENCRYPTED", "ENCRYPTED"], "ENCRYPTED"),
        (pb.JobSpec(), ["ENCRYPTED", "URI_INVALID"], "ALL_DOCUMENTS_FAILED"),
        (quorum(0.5), ["ok", "ENCRYPTED"], ""),
        (quorum(0.51), ["ok", "ENCRYPTED"], "QUORUM_MISSED"),
        (quorum(1.0), ["ok", "ok"], ""),
        (BASELINE, ["base:ok", "ENCRYPTED"], ""),
        (BASELINE, ["base:ENCRYPTED", "ok"], "BASELINE_FAILED"),
        (BASELINE, ["ok"], "BASELINE_FAILED"),
    ],
)
def test_an_end_follows_from_the_documents(spec: pb.JobSpec, states: list[str], reason: str) -> None:
    """None where the job goes on, else FAILED with its reason and a sentence."""
    end: End | None = after_extraction(spec, documents_of(*states))
    assert (end.reason if end else "") == reason
    assert end is None or (end.state == "FAILED" and end.message)


def test_one_reason_for_all_is_told_as_it_stands() -> None:
    """Where every document failed alike, the job says what the documents say."""
    end = after_extraction(pb.JobSpec(), documents_of("ENCRYPTED"))
    assert end is not None
    assert end.message == "It is ENCRYPTED."


def test_failing_fast_is_asked_for() -> None:
    """The first failure ends the job under fail_fast only."""
    (bad,) = documents_of("ENCRYPTED")
    (good,) = documents_of("ok")
    fast = pb.FailurePolicy(fail_fast=pb.FailFast())
    assert fails_at_once(pb.FailurePolicy(), bad) is None
    assert fails_at_once(fast, good) is None
    end = fails_at_once(fast, bad)
    assert end is not None
    assert end.reason == "DOCUMENT_FAILED"
    assert "ENCRYPTED" in end.message
