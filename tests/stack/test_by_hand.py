"""What a person does with grpcurl and buf against a running mesh, as the README shows it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.places import SAMPLES

if TYPE_CHECKING:
    from tests.support.running_mesh import RunningMesh

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

TOOL_S = 60.0
JOBS = "collatio.v1.JobService"
SPEC = {
    "sources": [{"uri": f"{SAMPLES.as_uri()}/contracts/", "include": ["*v1.*"]}],
    "compare": {"allPairs": {}},
}


def tool(name: str) -> str:
    """Find a tool of the environment, or one on PATH."""
    found = shutil.which(name, path=str(Path(sys.prefix) / "bin")) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make test brings it where there is a build of it")
    return found


async def ran(*argv: str) -> tuple[int, str, str]:
    """Run a tool to its end: its status, what it printed, what it said."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(TOOL_S):
        out, talk = await process.communicate()
    return process.returncode or 0, out.decode(), talk.decode()


async def grpcurl(mesh: RunningMesh, *words: str, body: Any = None) -> str:
    """Run grpcurl, which must succeed, and return what it printed."""
    data = [] if body is None else ["-d", json.dumps(body)]
    status, out, talk = await ran(tool("grpcurl"), "-plaintext", *data, mesh.target, *words)
    assert status == 0, talk
    return out


async def buf_curl(mesh: RunningMesh, method: str, body: Any) -> tuple[int, str, str]:
    """Call a method with buf, the schema by reflection."""
    how = ("--protocol", "grpc", "--http2-prior-knowledge", "--data", json.dumps(body))
    return await ran(tool("buf"), "curl", *how, f"http://{mesh.target}/{method}")


def values(text: str) -> list[Any]:
    """Read the JSON values that a tool printed one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


async def test_list_shows_the_services(mesh: RunningMesh) -> None:
    """Reflection names what the gateway serves."""
    shown = set((await grpcurl(mesh, "list")).split())
    ours = {f"collatio.v1.{name}Service" for name in ("Job", "Blob", "Mesh")}
    assert ours < shown
    assert {"grpc.health.v1.Health", "grpc.channelz.v1.Channelz"} < shown


async def test_describe_shows_the_comments(mesh: RunningMesh) -> None:
    """Methods and fields carry what a caller must know."""
    service = await grpcurl(mesh, "describe", JOBS)
    assert "// Accept a job and answer at once; the work goes on without the caller." in service
    assert "rpc CreateJob ( .collatio.v1.CreateJobRequest ) returns ( .collatio.v1.Job );" in service
    message = await grpcurl(mesh, "describe", "collatio.v1.JobSpec")
    assert "// Where the documents lie; at least one, at most 10,000." in message


async def test_every_service_of_ours_is_described_with_comments(mesh: RunningMesh) -> None:
    """No method of the gateway is without a word on what it does."""
    for service in re.findall(r"^collatio\.\S+", await grpcurl(mesh, "list"), re.MULTILINE):
        lines = [line.strip() for line in (await grpcurl(mesh, "describe", service)).splitlines()]
        methods = [number for number, line in enumerate(lines) if line.startswith("rpc ")]
        assert methods
        assert all(lines[number - 1].startswith("//") for number in methods), service


async def test_a_job_by_grpcurl(mesh: RunningMesh) -> None:
    """CreateJob, WatchJob and GetJob take and give plain JSON, from the request to the results."""
    (created,) = values(await grpcurl(mesh, f"{JOBS}/CreateJob", body={"job": {"spec": SPEC}}))
    assert created["name"].startswith("jobs/")
    assert created["state"] == "JOB_STATE_QUEUED"
    name = {"name": created["name"]}
    events = values(await grpcurl(mesh, f"{JOBS}/WatchJob", body=name))
    assert "snapshot" in events[0]
    assert events[-1]["snapshot"]["state"] == "JOB_STATE_SUCCEEDED"
    told = [event["sequence"] for event in events if "snapshot" not in event and "heartbeat" not in event]
    assert told == list(range(1, events[-1]["sequence"] + 1))
    (job,) = values(await grpcurl(mesh, f"{JOBS}/GetJob", body=name))
    assert (job["documents"]["extracted"], job["comparisons"]["compared"]) == (3, 3)
    (page,) = values(await grpcurl(mesh, f"{JOBS}/ListJobComparisons", body={**name, "page_size": 2}))
    assert len(page["comparisons"]) == 2
    assert page["nextPageToken"]
    assert all(0.8 < comparison["similarity"]["overall"] <= 1 for comparison in page["comparisons"])
    (listed,) = values(await grpcurl(mesh, f"{JOBS}/ListJobDocuments", body=name))
    document = {**name, "document_id": listed["documents"][0]["documentId"]}
    (extraction, *_) = values(await grpcurl(mesh, f"{JOBS}/GetExtraction", body=document))
    assert extraction["blocks"]


async def test_a_bad_request_names_its_fields(mesh: RunningMesh) -> None:
    """INVALID_ARGUMENT carries the reason and every bad field by its path."""
    bad = {"job": {"spec": {"sources": [{"uri": "no uri"}, {}], "timeout": "-1s"}}}
    status, _, talk = await ran(
        tool("grpcurl"),
        "-plaintext",
        "-format-error",
        "-d",
        json.dumps(bad),
        mesh.target,
        f"{JOBS}/CreateJob",
    )
    assert status != 0
    (error,) = values(talk)
    assert error["code"] == 3
    details = {detail["@type"].rpartition("/")[2]: detail for detail in error["details"]}
    assert details["google.rpc.ErrorInfo"]["reason"] == "INVALID_REQUEST"
    assert details["google.rpc.ErrorInfo"]["domain"] == "collatio"
    fields = {each["field"] for each in details["google.rpc.BadRequest"]["field_violations"]}
    assert fields == {"job.spec.sources[0].uri", "job.spec.sources[1]", "job.spec.timeout"}


@pytest.mark.parametrize("method", ["GetJob", "WatchJob", "CancelJob", "ListJobDocuments", "DeleteJob"])
async def test_an_unknown_job_is_not_found(mesh: RunningMesh, method: str) -> None:
    """NOT_FOUND comes with JOB_NOT_FOUND, and says nothing of whether another caller has such a job."""
    body = json.dumps({"name": "jobs/no-such-job"})
    status, _, talk = await ran(
        tool("grpcurl"), "-plaintext", "-format-error", "-d", body, mesh.target, f"{JOBS}/{method}"
    )
    assert status != 0
    (error,) = values(talk)
    assert error["code"] == 5
    assert "JOB_NOT_FOUND" in {detail.get("reason") for detail in error["details"]}


async def test_a_stage_by_grpcurl(mesh: RunningMesh) -> None:
    """A stage's own port takes one message and streams its answers."""
    documents = [{"documentId": name, "text": text} for name, text in (("a", "one two"), ("b", "one three"))]
    status, out, talk = await ran(
        tool("grpcurl"),
        "-plaintext",
        "-d",
        json.dumps({"documents": documents}),
        mesh.stage("compare"),
        "collatio.v1.CompareService/Compare",
    )
    assert status == 0, talk
    planned, answer = values(out)
    assert planned["planned"]["pairCount"] == 1
    assert answer["tile"]["content"][0]["changes"][0]["rightText"] == "three"


async def test_a_job_by_buf(mesh: RunningMesh) -> None:
    """The second tool of the field gets the same answers, schema by reflection."""
    status, out, talk = await buf_curl(mesh, f"{JOBS}/CreateJob", {"job": {"spec": SPEC}})
    assert status == 0, talk
    (created,) = values(out)
    status, out, talk = await buf_curl(mesh, f"{JOBS}/WatchJob", {"name": created["name"]})
    assert status == 0, talk
    assert values(out)[-1]["snapshot"]["state"] == "JOB_STATE_SUCCEEDED"
    status, _, talk = await buf_curl(mesh, f"{JOBS}/GetJob", {"name": "jobs/no-such-job"})
    assert status != 0
    (error,) = values(talk)
    assert error["code"] == "not_found"
    (info,) = error["details"]
    assert info["type"] == "google.rpc.ErrorInfo"
    assert b"JOB_NOT_FOUND" in base64.b64decode(info["value"] + "==")
