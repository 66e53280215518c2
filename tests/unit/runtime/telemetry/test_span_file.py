"""Spans in files of OTLP JSON lines."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from typing import TYPE_CHECKING, Any

import pytest

from collatio.runtime.telemetry.reader import read_traces
from collatio.runtime.telemetry.span_file import SpanFile

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan


@pytest.fixture
def spans(tracing: Any, recorder: Any) -> list[ReadableSpan]:
    """Forty ended spans of some 500 bytes each."""
    for number in range(40):
        tracing.finish(tracing.start(f"span-{number}", attributes={"filler": "x" * 200}))
    return list(recorder.ended)


def test_the_file_appears_with_the_first_span_and_is_the_processs_own(
    tmp_path: Path, spans: list[ReadableSpan]
) -> None:
    """`<service>-<pid>.jsonl`, readable by its owner alone."""
    file = SpanFile(tmp_path / "traces", "fetch")
    assert not (tmp_path / "traces").exists()
    assert file.export(spans) == 40
    (path,) = (tmp_path / "traces").iterdir()
    assert path == file.path
    assert path.name == f"fetch-{os.getpid()}.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [span.name for span in read_traces(path.parent)] == [f"span-{n}" for n in range(40)]
    file.close()


def test_a_later_process_of_the_same_pid_appends(tmp_path: Path, spans: list[ReadableSpan]) -> None:
    """Pids come round again: what an earlier process wrote is kept."""
    for _ in range(2):
        file = SpanFile(tmp_path, "fetch")
        file.export(spans)
        file.close()
    assert len(read_traces(tmp_path)) == 80


def test_the_newest_spans_are_kept_within_the_bound_and_the_rest_is_counted(
    tmp_path: Path, spans: list[ReadableSpan]
) -> None:
    """Two generations never exceed the bound; what was set aside and replaced is counted exactly."""
    file = SpanFile(tmp_path, "fetch", bytes_max=8_000)
    for span in spans:
        assert file.export([span]) == 1
    kept = [span.name for span in read_traces(tmp_path)]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 8_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"fetch-{os.getpid()}.jsonl",
        f"fetch-{os.getpid()}.old.jsonl",
    ]
    assert kept == [f"span-{n}" for n in range(40 - len(kept), 40)]
    assert file.discarded() == 40 - len(kept) > 0


def test_a_batch_larger_than_a_file_is_split(tmp_path: Path, spans: list[ReadableSpan]) -> None:
    """No line is larger than a file may be; a single span that is, is refused."""
    file = SpanFile(tmp_path, "fetch", bytes_max=8_000)
    assert file.export(spans) == 40
    assert len(read_traces(tmp_path)) + file.discarded() == 40
    assert SpanFile(tmp_path, "tiny", bytes_max=100).export(spans[:1]) == 0


def test_old_processes_files_make_room(tmp_path: Path, spans: list[ReadableSpan]) -> None:
    """The folder is bounded: the oldest files go first, our own stays, others' files are not touched."""
    for age in range(5):
        path = tmp_path / f"gone-{age}.jsonl"
        path.write_bytes(b"x" * 1000)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "job.json").write_bytes(b"x" * 10_000)
    file = SpanFile(tmp_path, "fetch", folder_bytes_max=2_500)
    file.export(spans[:1])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [f"fetch-{os.getpid()}.jsonl", "gone-0.jsonl", "gone-1.jsonl", "job.json"]


def test_a_folder_holds_only_so_many_files(tmp_path: Path, spans: list[ReadableSpan]) -> None:
    """A pool replaces its children often: small files are bounded by their number."""
    for age in range(10):
        path = tmp_path / f"gone-{age}.jsonl"
        path.write_bytes(b"x")
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    SpanFile(tmp_path, "fetch", folder_files_max=4).export(spans[:1])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [f"fetch-{os.getpid()}.jsonl", "gone-0.jsonl", "gone-1.jsonl", "gone-2.jsonl"]


def test_a_file_removed_under_its_writer_is_opened_anew(tmp_path: Path, spans: list[ReadableSpan]) -> None:
    """Another process made room while this one was idle: the loss is counted, later spans are on disk."""
    file = SpanFile(tmp_path, "fetch")
    file.export(spans[:3])
    file.path.unlink()
    assert file.export(spans[3:5]) == 2
    assert [span.name for span in read_traces(tmp_path)] == ["span-3", "span-4"]
    assert file.discarded() == 3


def test_a_full_disk_costs_spans_and_tears_no_line(tmp_path: Path, spans: list[ReadableSpan]) -> None:
    """A write cut short is taken back: the file holds whole lines, before and after."""
    file = SpanFile(tmp_path, "fetch")
    assert file.export(spans[:1]) == 1
    size = file.path.stat().st_size
    # A file size limit cuts a write short as a full disk does.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    try:
        assert file.export(spans[1:3]) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert file.path.stat().st_size == size
    assert file.export(spans[3:4]) == 1
    found = read_traces(tmp_path)
    assert ([span.name for span in found], found.unreadable_lines) == (["span-0", "span-3"], 0)


def test_a_forked_child_writes_its_own_file(tmp_path: Path, spans: list[ReadableSpan]) -> None:
    """A descriptor inherited through a fork is left to the parent."""
    file = SpanFile(tmp_path, "fetch")
    file.export(spans[:1])
    context = multiprocessing.get_context("fork")
    process = context.Process(target=lambda: os._exit(0 if file.export(spans[1:2]) == 1 else 1))
    process.start()
    process.join(20)
    assert process.exitcode == 0
    assert file.export(spans[2:3]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f"fetch-{os.getpid()}.jsonl", f"fetch-{process.pid}.jsonl"]
    )
    assert [span.name for span in read_traces(tmp_path)] == ["span-0", "span-1", "span-2"]


def test_a_folder_that_cannot_be_made_is_an_error_for_the_queue_to_count(
    tmp_path: Path, spans: list[ReadableSpan]
) -> None:
    """OSError, which the batching processor turns into dropped spans."""
    (tmp_path / "traces").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="traces"):
        SpanFile(tmp_path / "traces", "fetch").export(spans)
