"""Upload documents, have them compared, watch the job to its end, and page through what was found.

python compare.py TARGET run FILE|URI…   files are uploaded, URIs are the mesh's to fetch
python compare.py TARGET read JOB        read every extraction and comparison of a job
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from collatio.client import (
    TERMINAL_STATES,
    AllPairsPlan,
    Client,
    CompareSpec,
    DocumentState,
    Job,
    JobSpec,
    JobState,
    Source,
)
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence


# snippet submit
async def submit(client: Client, places: Sequence[str]) -> tuple[Job, dict[str, str]]:
    """Upload what are files, and create a job that compares every document with every other."""
    sources, keys = [], {}
    for place in places:
        if "://" in place:
            sources.append(Source(uri=place, key=place))
        else:
            path = Path(place)
            blob = await client.upload(path)  # bytes that the mesh holds already are not sent
            sources.append(Source(blob=blob, key=path.name))
            keys[blob.sha256] = path.name
    spec = JobSpec(sources=sources, compare=CompareSpec(all_pairs=AllPairsPlan()))
    return await client.submit(spec), keys


# snippet ends


# snippet watch
async def watch(client: Client, name: str) -> Job:
    """Follow a job to its end: each event once and in order, through gateways that come and go."""
    last, ended = 0, None
    async for event in client.watch(name):
        if event.WhichOneof("event") != "snapshot":
            assert event.sequence == last + 1, f"event {event.sequence} came after {last}"
            last = event.sequence
        elif event.snapshot.state in TERMINAL_STATES:
            ended = event.snapshot
        else:
            print("watching", flush=True)
    assert ended is not None
    counts = ended.documents
    state = JobState.Name(ended.state)
    print(f"ended {state} after {last} events: {counts.found} documents, {counts.failed} failed")
    return ended


# snippet ends


# snippet page
async def show(client: Client, name: str, keys: dict[str, str]) -> None:
    """Print a job's comparisons; the client asks for page after page."""
    async for one in client.comparisons(name):
        overall = f"{one.similarity.overall:.3f}" if one.similarity.HasField("overall") else "-"
        left, right = (keys.get(side.sha256) or side.uri for side in (one.left, one.right))
        print(f"pair {overall} {left} | {right}")


# snippet ends


# snippet read
async def read(client: Client, name: str) -> None:
    """Read every result whole: the client merges the parts in which a large one comes."""
    async for document in client.documents(name, DocumentState.DOCUMENT_STATE_EXTRACTED):
        extraction = await client.extraction(name, document.document_id)
        print(f"extraction {document.document_id} {len(extraction.blocks)} blocks")
    async for one in client.comparisons(name):
        comparison = await client.comparison(name, one.comparison_id)
        print(f"comparison {one.comparison_id} {len(comparison.changes)} changes")


# snippet ends


# snippet reason
async def look(client: Client, name: str) -> Job | None:
    """Find a job that may be gone: branch on the reason, never on the message."""
    try:
        return await client.job(name)
    except CollatioError as error:
        if error.reason is Reason.JOB_NOT_FOUND:
            return None
        raise


# snippet ends


async def main(target: str, command: str, *rest: str) -> None:
    """Do what the command says."""
    async with Client(target) as client:
        if command == "run":
            job, keys = await submit(client, rest)
            print(f"job {job.name}", flush=True)
            await watch(client, job.name)
            await show(client, job.name, keys)
        else:
            await read(client, rest[0])
        print(f"absent {str(await look(client, 'jobs/absent') is None).lower()}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
