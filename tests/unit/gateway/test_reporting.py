"""Reports made by processes: streamed on, bounded in number, time and memory, and gone with their caller."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from gateway.journal.record import JobRef
from gateway.reporting import CHUNK_BYTES, MEMORY_STATUS, TOLD_STATUS, ReportProcesses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REF = JobRef("default", "job-1")
READ = "import json, pathlib, sys; wanted = json.load(sys.stdin); "
WRITE = READ + "pathlib.Path(wanted['folder'], 'report').write_bytes"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, so that a test sees what is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def reports(script: str, at_once: int = 2, timeout_s: float = 30.0) -> ReportProcesses:
    """Make reports by a script in place of the real child."""
    return ReportProcesses((sys.executable, "-c", script), at_once, timeout_s)


def left(folder: Path) -> list[Path]:
    """List what lies in a folder."""
    return list(folder.iterdir())


def told_pid(folder: Path) -> int:
    """Read the process id that a child has left; 0 before."""
    return next((int(text) for each in folder.glob("*/pid") if (text := each.read_text())), 0)


async def all_of(chunks: AsyncIterator[bytes]) -> list[bytes]:
    """Read a whole report."""
    return [data async for data in chunks]


async def test_a_report_comes_in_bounded_chunks(scratch: Path) -> None:
    """Whole and in order, and its file is gone at the end."""
    made = reports(WRITE + "((wanted['job'] + wanted['form']).encode() * 50_000)")
    chunks = await all_of(made.chunks(REF, "csv"))
    assert b"".join(chunks) == b"default/job-1csv" * 50_000
    assert max(map(len, chunks)) <= CHUNK_BYTES
    assert not left(scratch)


async def test_what_the_child_tells_is_the_caller_s_error() -> None:
    """A result that cannot be read is told with its reason."""
    script = READ + (
        f"print(json.dumps({{'reason': 'BLOB_NOT_FOUND', 'message': 'Gone.'}})); sys.exit({TOLD_STATUS})"
    )
    with pytest.raises(CollatioError) as caught:
        await all_of(reports(script).chunks(REF, "html"))
    assert (caught.value.reason, caught.value.message) == (Reason.BLOB_NOT_FOUND, "Gone.")


@pytest.mark.parametrize(
    ("script", "timeout_s"),
    [(f"import sys; sys.exit({MEMORY_STATUS})", 30.0), ("import time; time.sleep(600)", 0.3)],
)
async def test_a_report_beyond_its_bounds_is_refused(script: str, timeout_s: float, scratch: Path) -> None:
    """Too much memory or too much time: REPORT_LIMIT, and nothing is left."""
    with pytest.raises(CollatioError) as caught:
        await all_of(reports(script, timeout_s=timeout_s).chunks(REF, "html"))
    assert caught.value.reason is Reason.REPORT_LIMIT
    assert not left(scratch)


async def test_only_so_many_are_made_at_once(scratch: Path) -> None:
    """One more is told when to come again; one that is merely being read holds no place."""
    made = reports(WRITE + "(b'x' * 200_000)", at_once=1)
    async with aclosing(made.chunks(REF, "html")) as slow:
        assert await anext(slow)
        assert len(b"".join(await all_of(made.chunks(REF, "html")))) == 200_000
    waiting = reports("import time; time.sleep(600)", at_once=1)
    first = asyncio.create_task(all_of(waiting.chunks(REF, "html")))
    while not left(scratch):
        await asyncio.sleep(0)
    with pytest.raises(CollatioError) as caught:
        await all_of(waiting.chunks(REF, "html"))
    assert (caught.value.reason, caught.value.retry_after_s) == (Reason.QUOTA_EXCEEDED, 5.0)
    first.cancel()
    await asyncio.wait([first])


async def test_a_caller_that_goes_takes_the_process_along(scratch: Path) -> None:
    """Nobody is left to read the report, so it is not made."""
    script = READ + (
        "import os; pathlib.Path(wanted['folder'], 'pid').write_text(str(os.getpid())); "
        "import time; time.sleep(600)"
    )
    reading = asyncio.create_task(all_of(reports(script).chunks(REF, "html")))
    async with asyncio.timeout(20):
        while not (pid := told_pid(scratch)):
            await asyncio.sleep(0.01)  # the child tells nobody else that it began
    reading.cancel()
    await asyncio.wait([reading])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not left(scratch)
