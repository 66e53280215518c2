"""Writes spans to a file of OTLP JSON lines: the default when no collector is configured.

One file a process, so that no two writers meet. It is bounded: at half its bound the file is set aside as
`.old.jsonl`, replacing the one set aside before, whose spans are counted as discarded; the newest spans are
always on disk. The folder is bounded too, in bytes and in files (a pool replaces its children often): when a process
opens its file, the oldest files make room; one that is still written to is opened anew by its process. A line is written in one call, and a write that the disk cut short is taken back, so that only a
machine's crash can tear the last line.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from collatio.runtime.telemetry.otlp_json import encode_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

FILE_BYTES_MAX = 64 * 1024 * 1024
FOLDER_BYTES_MAX = 512 * 1024 * 1024
FOLDER_FILES_MAX = 500
FOLDER_NAME = "traces"


class SpanFile:
    """A `SpanSink` into `<folder>/<service>-<pid>.jsonl`; the file appears with the first span.

    `bytes_max` bounds this process's files together, `folder_bytes_max` and `folder_files_max` all of the folder.
    """

    def __init__(
        self,
        folder: Path,
        service: str,
        *,
        bytes_max: int = FILE_BYTES_MAX,
        folder_bytes_max: int = FOLDER_BYTES_MAX,
        folder_files_max: int = FOLDER_FILES_MAX,
    ) -> None:
        self._folder = folder
        self._service = service
        self._bytes_max = bytes_max
        self._folder_bytes_max = folder_bytes_max
        self._folder_files_max = folder_files_max
        self._begin()

    @property
    def path(self) -> Path:
        """Where this process writes."""
        return self._folder / f"{self._service}-{os.getpid()}.jsonl"

    def export(self, spans: Sequence[ReadableSpan]) -> int:
        """Append one line (more, where one would be larger than a file may be); tell how many spans it holds.

        Errors: OSError when the folder or the file cannot be made.
        """
        if self._pid != os.getpid():
            self._begin()
        with self._lock:
            return self._export(spans)

    def discarded(self) -> int:
        """Count spans whose file was replaced."""
        return self._discarded

    def close(self) -> None:
        """Close the file; while an export is under way, leave that to the end of the process."""
        if self._lock.acquire(blocking=False):
            self._close()
            self._lock.release()

    def _begin(self) -> None:
        """Start this process's own file; a descriptor inherited through a fork is its parent's, left alone."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0  # bytes in the current file
        self._spans = 0  # written by this process into the current file
        self._spans_aside = 0  # the same for the file set aside
        self._discarded = 0

    def _export(self, spans: Sequence[ReadableSpan]) -> int:
        line = encode_line(spans)
        if len(line) > self._bytes_max // 2:
            middle = len(spans) // 2
            return self._export(spans[:middle]) + self._export(spans[middle:]) if middle else 0
        if self._descriptor is not None and not os.fstat(self._descriptor).st_nlink:
            self._close()  # somebody removed the file to make room
            self._discarded, self._spans = self._discarded + self._spans, 0
        if self._descriptor is None:
            self._descriptor = self._open()
        if self._size + len(line) > self._bytes_max // 2:
            self._descriptor = self._set_aside()
        return self._append(self._descriptor, line, len(spans))

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        _make_room(self._folder, self._folder_bytes_max, self._folder_files_max, keep=self.path)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(descriptor).st_size
        return descriptor

    def _set_aside(self) -> int:
        self._close()
        self.path.replace(self.path.with_suffix(".old.jsonl"))
        self._discarded += self._spans_aside
        self._spans_aside, self._spans = self._spans, 0
        return self._open()

    def _append(self, descriptor: int, line: bytes, spans: int) -> int:
        try:
            complete = os.write(descriptor, line) == len(line)
        except OSError:  # a full or failing disk: the processor counts the spans and says so
            complete = False
        if not complete:
            os.ftruncate(descriptor, self._size)
            return 0
        self._size += len(line)
        self._spans += spans
        return spans

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _make_room(folder: Path, bytes_max: int, files_max: int, keep: Path) -> None:
    """Remove the oldest trace files until the folder, with one more to come, is within its bounds."""
    found = []
    for path in folder.glob("*.jsonl"):
        try:
            stat = path.stat()
        except FileNotFoundError:  # another process made room at the same moment
            continue
        found.append((stat.st_mtime_ns, stat.st_size, path))
    total, count = sum(size for _, size, _ in found), len(found)
    for _, size, path in sorted(found):
        if total <= bytes_max and count < files_max:
            return
        if path != keep:
            path.unlink(missing_ok=True)
            total, count = total - size, count - 1
