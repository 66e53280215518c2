"""Reports of jobs, each made by a process of its own that ends with it.

Making a report reads every extraction and every change of a job, and keeps a processor busy for seconds. In the
gateway that would hold its other callers up and its memory; so `python -m gateway report` does it, under bounds of
memory and time, and writes a file. The gateway sends the file on in chunks and removes it: a slow reader costs
disk, nothing else. What is wanted goes over the child's standard input, so that no job's name stands in a list of
processes.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.journal.record import JobRef

CHUNK_BYTES = 64 << 10
RETRY_AFTER_S = 5.0
TOLD_STATUS, MEMORY_STATUS = 3, 4
REPORT_FILE = "report"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report to make: of which job ("TENANT/ID"), "html", "csv" or "json", and in which folder."""

    job: str
    form: str
    folder: str

    def to_json(self) -> bytes:
        """Write it for the child."""
        return json.dumps({"job": self.job, "form": self.form, "folder": self.folder}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Wanted:
        """Read what the gateway wrote."""
        return cls(**json.loads(data))


class Reports(Protocol):
    """Who makes reports."""

    def chunks(self, ref: JobRef, form: str) -> AsyncIterator[bytes]:
        """Yield a report's bytes. Errors: QUOTA_EXCEEDED, REPORT_LIMIT, and those of reading results."""
        ...


class ReportProcesses:
    """Makes reports in child processes: `at_once` at the same time, each within `timeout_s`.

    `argv` is the child's command.
    """

    def __init__(self, argv: Sequence[str], at_once: int, timeout_s: float) -> None:
        self._argv, self._at_once, self._timeout_s = tuple(argv), at_once, timeout_s
        self._running = 0

    async def chunks(self, ref: JobRef, form: str) -> AsyncIterator[bytes]:
        """Yield a report's bytes. Errors: QUOTA_EXCEEDED, REPORT_LIMIT, and those of reading results."""
        if self._running >= self._at_once:
            raise CollatioError(
                Reason.QUOTA_EXCEEDED,
                "This gateway makes as many reports as it may.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._running += 1
        try:
            made = await self._made(ref, form)
        finally:
            self._running -= 1
        try:
            file = await asyncio.to_thread((Path(made.name) / REPORT_FILE).open, "rb")
            try:
                while data := await asyncio.to_thread(file.read, CHUNK_BYTES):
                    yield data
            finally:
                file.close()
        finally:
            await asyncio.to_thread(made.cleanup)

    async def _made(self, ref: JobRef, form: str) -> tempfile.TemporaryDirectory[str]:
        """Make a report in a folder that its taker removes."""
        folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="collatio-report-")
        try:
            await self._make(Wanted(ref.key, form, folder.name))
        except BaseException:
            folder.cleanup()
            raise
        return folder

    async def _make(self, wanted: Wanted) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                told, _ = await process.communicate(wanted.to_json())
        except TimeoutError:
            raise CollatioError(
                Reason.REPORT_LIMIT, f"The report takes more than {self._timeout_s:g} s to make."
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == MEMORY_STATUS:
            raise CollatioError(Reason.REPORT_LIMIT, "The report takes more memory than a report may.")
        if process.returncode == TOLD_STATUS:
            error = json.loads(told)
            raise CollatioError(Reason(error["reason"]), error["message"])
        if process.returncode:
            raise RuntimeError(f"the report's process ended with {process.returncode}")
