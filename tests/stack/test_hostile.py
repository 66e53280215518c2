"""Documents made to break parsers: each has one typed outcome, and no worker dies of any."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from collatio.client import JobSpec, JobState, Source
from collatio.runtime.errors import CATALOGUE, Reason
from tests.support.jobs import EXTRACTED, FAILED, documents_of, failures, run_job
from tests.support.papers import write_papers
from tests.support.places import CORPUS

if TYPE_CHECKING:
    from pathlib import Path

    from collatio.client import Client
    from tests.support.running_mesh import RunningMesh

pytestmark = [
    pytest.mark.stack,
    pytest.mark.corpus,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds pool children in /proc, which is Linux's"),
]

HOSTILE = CORPUS / "hostile" / "dev"
KINDS = ("bomb", "recursive", "nested", "xxe", "truncated", "corrupt-pdf")
JOB_S = 120.0


async def test_hostile_documents_end_typed_and_kill_nobody(
    mesh: RunningMesh, client: Client, tmp_path: Path
) -> None:
    """Among good documents each hostile one, and each member of it, is done or failed with a reason we know."""
    if not HOSTILE.is_dir():
        pytest.skip("needs ../shared/corpus/hostile, which is not beside this clone")
    papers = write_papers(tmp_path / "good", 20, tag=str(tmp_path))
    hostile = {path.as_uri() for kind in KINDS for path in (HOSTILE / kind).iterdir()}
    uris = [f"{(HOSTILE / kind).as_uri()}/" for kind in KINDS]
    before = {stage: (mesh.pid(f"{stage}-work"), mesh.pool(stage)) for stage in ("fetch", "extract")}
    job = await run_job(
        client, JobSpec(sources=[Source(uri=uri) for uri in [*uris, f"{tmp_path.as_uri()}/good/"]]), JOB_S
    )
    documents = await documents_of(client, job)
    assert job.state == JobState.JOB_STATE_SUCCEEDED
    assert {each.uri for each in documents if not each.parent_id} == hostile | {p.as_uri() for p in papers}
    assert {each.state for each in documents} == {EXTRACTED, FAILED}
    reasons = set(failures(documents).values())
    assert reasons
    assert reasons <= CATALOGUE.keys()
    assert not reasons & {Reason.ENGINE_FAILED, Reason.PARSER_CRASHED, Reason.ATTEMPTS_EXHAUSTED}
    assert not failures(documents).keys() & {path.as_uri() for path in papers}
    after = {stage: (mesh.pid(f"{stage}-work"), mesh.pool(stage)) for stage in ("fetch", "extract")}
    assert after == before, "no pool and no child of one was replaced"
