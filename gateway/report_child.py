"""`python -m gateway report`: make the one report that standard input asks for. `serve` runs it, people do not.

It reads the journal and the blob store as any gateway does, writes the job's rows into the folder it was given,
and makes the report of them, as `collatio report` does of an output folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError
from collatio.runtime.leash import die_with_parent
from collatio.v1 import compare_pb2, extract_pb2
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.record import JobRef
from gateway.reporting import MEMORY_STATUS, REPORT_FILE, TOLD_STATUS, Wanted
from gateway.results import Results

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from gateway.journal.journal import Journal
    from gateway.settings import Settings

PAGE = 1_000


class JobResults:
    """A job's results as the writer of rows asks for them; the names it gives are the job's own."""

    def __init__(self, journal: Journal, results: Results, ref: JobRef) -> None:
        self._journal, self._results, self._ref = journal, results, ref

    async def documents(self, name: str) -> AsyncGenerator[pb.JobDocument, None]:  # noqa: ARG002 - it has one job
        """Yield the documents in the order in which they were found."""
        offset = 0
        while page := await self._journal.documents(self._ref, offset, PAGE):
            offset += len(page)
            for document in page:
                yield document

    async def extraction(self, name: str, document_id: str) -> extract_pb2.Extraction:  # noqa: ARG002 - it has one job
        """Read what a document says."""
        whole = extract_pb2.Extraction()
        async for part in self._results.extraction(self._ref, document_id):
            whole.MergeFrom(part)
        return whole

    async def comparisons(
        self,
        name: str,  # noqa: ARG002 - it has one job
        view: pb.ComparisonView.ValueType = pb.COMPARISON_VIEW_BASIC,
    ) -> AsyncGenerator[compare_pb2.Comparison, None]:
        """Yield the comparisons; in the full view each with all its changes."""
        request = pb.ListJobComparisonsRequest(page_size=PAGE, view=view)
        while True:
            page = await self._results.comparisons(self._ref, request)
            for one in page.comparisons:
                cut = view == pb.COMPARISON_VIEW_FULL and len(one.changes) < one.counts.changes
                yield await self._whole(one.comparison_id) if cut else one
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _whole(self, comparison_id: str) -> compare_pb2.Comparison:
        whole = compare_pb2.Comparison()
        async for part in self._results.comparison(self._ref, comparison_id):
            whole.MergeFrom(part)
        return whole

    async def conclusion(self, name: str) -> compare_pb2.CompareConclusion:  # noqa: ARG002 - it has one job
        """Read what the plan concluded."""
        whole = compare_pb2.CompareConclusion()
        async for part in self._results.conclusion(self._ref):
            whole.MergeFrom(part)
        return whole


def report(settings: Settings) -> None:
    """Make the report; ends the process with a status that says how it went."""
    die_with_parent(os.getppid())
    _bound_memory(settings.report_memory)
    wanted = Wanted.from_json(sys.stdin.buffer.read())
    try:
        asyncio.run(_make(settings, wanted))
    except MemoryError:
        raise SystemExit(MEMORY_STATUS) from None
    except CollatioError as error:
        print(json.dumps({"reason": error.reason, "message": error.message}))  # noqa: T201 - the gateway reads it
        raise SystemExit(TOLD_STATUS) from error


def _bound_memory(size: int) -> None:
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not everywhere

        resource.setrlimit(resource.RLIMIT_AS, (size, size))


async def _make(settings: Settings, wanted: Wanted) -> None:
    from collatio.cli.output.folder import save_rows  # noqa: PLC0415 - `serve` has no need of it
    from collatio.cli.output.reports import text_of  # noqa: PLC0415 - same
    from collatio.report.folder import read_folder  # noqa: PLC0415 - same
    from collatio.runtime.blobs.connect import connect  # noqa: PLC0415 - same
    from collatio.runtime.stores import connect_async  # noqa: PLC0415 - same
    from gateway.journal.journal import Journal  # noqa: PLC0415 - same

    folder, ref = Path(wanted.folder), JobRef.of(wanted.job)
    client = connect_async(settings.state_url)
    try:
        journal = Journal(client)
        results = Results(journal, connect(settings.blob_url))
        job = (await results.live(ref)).to_job()
        await save_rows(JobResults(journal, results, ref), job, folder)
    finally:
        await client.aclose()
    with (folder / REPORT_FILE).open("wb") as file:
        for part in text_of(read_folder(folder), wanted.form):
            file.write(part.encode("utf-8", "replace"))
