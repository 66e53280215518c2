"""What the telemetry tests share: two jobs over real processes, and every span they left."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from collatio.client import Client, CompareSpec, JobSpec, Source
from collatio.runtime.telemetry.reader import read_traces
from tests.support.jobs import documents_of
from tests.support.places import SAMPLES
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from collatio.client import Job, JobDocument
    from collatio.runtime.telemetry.reader import Spans

CALLER_TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass(frozen=True, slots=True)
class Traced:
    """A job that has ended, its documents, and the spans of its trace."""

    job: Job
    documents: list[JobDocument]
    spans: Spans

    @property
    def job_id(self) -> str:
        """The id without its collection."""
        return self.job.name.removeprefix("jobs/")


def spec() -> JobSpec:
    """Make a job that meets everything: good documents, a corrupt one, and sources that cannot be fetched."""
    uris = [f"{SAMPLES.as_uri()}/", "ftp://example.org/a.pdf", f"{SAMPLES.as_uri()}/absent.pdf"]
    return JobSpec(sources=[Source(uri=uri) for uri in uris], compare=CompareSpec())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def jobs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Traced, Traced]]:
    """A job of a caller who traces, and the same job again of one who does not; the mesh has stopped."""
    data_dir = tmp_path_factory.mktemp("traced") / "data"
    traceparent = f"00-{CALLER_TRACE}-{CALLER_SPAN}-01"
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(running_mesh([SAMPLES], data_dir=data_dir))
        caller = await stack.enter_async_context(Client(mesh.target, metadata=[("traceparent", traceparent)]))
        client = await stack.enter_async_context(mesh.client())
        first = await client.wait((await caller.submit(spec())).name)
        second = await client.wait((await client.submit(spec())).name)
        documents = [await documents_of(client, job) for job in (first, second)]
    spans = read_traces(data_dir / "traces")
    assert not spans.unreadable_lines
    one, two = (
        Traced(job, found, spans.of_trace(job.trace_id))
        for job, found in zip((first, second), documents, strict=True)
    )
    yield one, two


@pytest.fixture(scope="session")
def first(jobs: tuple[Traced, Traced]) -> Traced:
    """The job whose caller traces; everything in it was done for the first time."""
    return jobs[0]


@pytest.fixture(scope="session")
def second(jobs: tuple[Traced, Traced]) -> Traced:
    """The same job again; everything in it was known."""
    return jobs[1]
