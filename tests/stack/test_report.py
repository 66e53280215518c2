"""GetJobReport of a real job: HTML, CSV and JSON from the gateway, the same that the command makes of a folder."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import grpc.aio
import pytest

from collatio.cli.output.folder import save_rows
from collatio.cli.output.reports import text_of
from collatio.client import AllPairsPlan, CompareSpec, JobSpec, Source
from collatio.report.folder import read_folder
from collatio.runtime.errors import Reason
from collatio.runtime.rpc.status import from_rpc_error
from collatio.v1 import gateway_pb2 as pb
from tests.support.jobs import run_job
from tests.support.places import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from collatio.client import Client
    from tests.support.running_mesh import RunningMesh

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

SPEC = JobSpec(
    sources=[
        Source(uri=f"{SAMPLES.as_uri()}/contracts/"),
        Source(uri=f"{SAMPLES.as_uri()}/absent.txt"),
    ],
    compare=CompareSpec(all_pairs=AllPairsPlan()),
)


async def report(client: Client, name: str, form: str) -> bytes:
    """Read a report in one of the forms."""
    return b"".join([data async for data in client.report(name, form)])


async def test_the_three_forms(mesh: RunningMesh, client: Client, tmp_path: Path) -> None:
    """Each is what `collatio report` makes of the same job's folder, to the byte."""
    job = await run_job(client, SPEC)
    await save_rows(client, job, tmp_path)
    for form in ("html", "csv", "json"):
        expected = "".join(text_of(read_folder(tmp_path), form)).encode("utf-8", "replace")
        assert await report(client, job.name, form) == expected
    rows = list(csv.DictReader(io.StringIO((await report(client, job.name, "csv")).decode())))
    assert len(rows) == job.documents.found
    assert {row["reason"] for row in rows} >= {"SOURCE_NOT_FOUND"}
    assert len(json.loads(await report(client, job.name, "json"))["documents"]) == job.documents.found


async def test_what_is_no_report(mesh: RunningMesh, client: Client) -> None:
    """A job that is not there, a form that is none."""
    async with grpc.aio.insecure_channel(mesh.target) as channel:
        call = channel.unary_stream(
            "/collatio.v1.JobService/GetJobReport",
            request_serializer=pb.GetJobReportRequest.SerializeToString,
            response_deserializer=pb.GetJobReportResponse.FromString,
        )
        for request, reason in (
            (pb.GetJobReportRequest(name="jobs/absent"), Reason.JOB_NOT_FOUND),
            (pb.GetJobReportRequest(name="jobs/absent", format=9), Reason.INVALID_REQUEST),  # type: ignore[arg-type] # not an enum's value
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await anext(aiter(call(request)))
            assert from_rpc_error(caught.value).reason is reason
