"""Quarantined steps as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.cli.quarantine_rows import by_stage, step_row
from collatio.cli.stage_rows import stage_name, stage_of
from collatio.client.messages import QuarantinedStep, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def given(*steps: QuarantinedStep) -> AsyncIterator[QuarantinedStep]:
    """Yield steps."""
    for step in steps:
        yield step


def test_row_of_a_step_without_a_time() -> None:
    """What is unset is empty, not 1970."""
    row = step_row(QuarantinedStep(stage=Stage.STAGE_FETCH, key="k", document_attempts=2))
    assert row == ("fetch", "k", "", "", "2", "0", "")


async def test_keys_go_to_their_stages() -> None:
    """A key asked for twice is there once; one that nobody holds is left out."""
    steps = [
        QuarantinedStep(stage=Stage.STAGE_FETCH, key="a"),
        QuarantinedStep(stage=Stage.STAGE_COMPARE, key="b"),
        QuarantinedStep(stage=Stage.STAGE_FETCH, key="c"),
    ]
    found = await by_stage(given(*steps), ["b", "a", "a", "z"])
    assert found == {Stage.STAGE_FETCH: ["a"], Stage.STAGE_COMPARE: ["b"]}


def test_stages_by_name_and_back() -> None:
    """No name is the unspecified stage; a stage newer than this client is its number."""
    assert stage_of(None) == Stage.STAGE_UNSPECIFIED
    assert stage_name(stage_of("extract")) == "extract"
    assert stage_name(99) == "99"  # type: ignore[arg-type] # a number from a newer contract
