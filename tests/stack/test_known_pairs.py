"""What a job takes over from earlier ones, pair by pair, through a whole mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.client import AllPairsPlan, CompareSpec, JobSpec, JobState, Source
from tests.support.jobs import comparisons_of, run_job
from tests.support.papers import paper, write_papers

if TYPE_CHECKING:
    from pathlib import Path

    from collatio.client import Client

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

COUNT = 40
PAIRS = COUNT * (COUNT - 1) // 2


async def test_one_changed_document_among_many_costs_its_own_pairs(client: Client, tmp_path: Path) -> None:
    """Every other pair is known, whatever task it falls into, and says what it said; other options know nothing."""
    papers = write_papers(tmp_path / "papers", COUNT, tag=str(tmp_path))
    sources = [Source(uri=f"{(tmp_path / 'papers').as_uri()}/")]
    spec = JobSpec(sources=sources, compare=CompareSpec(all_pairs=AllPairsPlan()))
    first = await run_job(client, spec)
    assert (first.comparisons.compared, first.comparisons.reused) == (PAIRS, 0)
    before = {pair.comparison_id: pair for pair in await comparisons_of(client, first)}

    changed = papers[COUNT // 2]
    changed.write_text(paper(f"{tmp_path} changed"), encoding="utf-8")
    second = await run_job(client, spec)
    assert second.state == JobState.JOB_STATE_SUCCEEDED
    assert (second.comparisons.compared, second.comparisons.reused) == (PAIRS, PAIRS - (COUNT - 1))
    for pair in await comparisons_of(client, second):
        touched = changed.as_uri() in {pair.left.uri, pair.right.uri}
        assert (pair == before[pair.comparison_id]) is not touched

    spec.compare.ignore.case = True
    assert (await run_job(client, spec)).comparisons.reused == 0
