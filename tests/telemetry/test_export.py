"""`OTEL_*` variables are honoured by every process of a mesh, and a dead collector harms nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from collatio.client import CompareSpec, JobSpec, JobState, Source
from tests.support.collector import collecting
from tests.support.jobs import run_job
from tests.support.places import SAMPLES
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

STAGES = ("fetch", "extract", "compare")
CONTRACTS = JobSpec(
    sources=[Source(uri=f"{SAMPLES.as_uri()}/contracts/", include=["*v1.*"])], compare=CompareSpec()
)


async def test_spans_go_to_the_collector_that_is_named(tmp_path: Path) -> None:
    """Every process sends to OTEL_EXPORTER_OTLP_ENDPOINT: nothing of the trace is missing, and no file is left."""
    with collecting() as collector:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        async with (
            running_mesh([SAMPLES], environ=environ, data_dir=tmp_path / "data") as mesh,
            mesh.client() as client,
        ):
            job = await run_job(client, CONTRACTS)
            assert job.state == JobState.JOB_STATE_SUCCEEDED
    found = collector.of_trace(job.trace_id)
    services = {service for service, _ in found}
    assert services == {
        "collatio-gateway",
        *(f"collatio-{s}{part}" for s in STAGES for part in ("", "-work")),
    }
    ids = {span.span_id for _, span in found}
    assert [span.name for _, span in found if not span.parent_span_id] == ["collatio.v1.JobService/CreateJob"]
    assert all(span.parent_span_id in ids for _, span in found if span.parent_span_id)
    assert not list((tmp_path / "data").glob("traces/*"))


async def test_a_dead_collector_harms_no_job(tmp_path: Path) -> None:
    """Spans that cannot be sent are dropped and counted; the job, and the stop of the mesh, do not wait for them."""
    with collecting() as collector:
        nobody = collector.endpoint
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": nobody}
    data = tmp_path / "data"
    async with running_mesh([SAMPLES], environ=environ, data_dir=data) as mesh, mesh.client() as client:
        for _ in range(2):
            job = await run_job(client, CONTRACTS, within_s=20)
            assert job.state == JobState.JOB_STATE_SUCCEEDED
    lines = (data / "logs" / "gateway.log").read_text("utf-8").splitlines()
    (told,) = (json.loads(line) for line in lines if "spans were not exported" in line)
    assert told["exported"] == 0
    assert told["lost"] == told["ended"] > 0
