"""The data folder of an embedded mesh: made, recognised and locked.

Rules: a folder belongs to one mesh at a time (an flock, held by the command and by the supervising process,
so it outlasts a command that is killed until its programs are gone); a folder that holds a stranger's files
is never written to; a folder says by its marker which kind of state store its blobs belong to.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collatio.runtime.errors import CollatioError, Reason

MARKER = "mesh.json"
LOCK = "lock"
FORMAT = 1
_NOT_STRANGERS = {LOCK, "lost+found"}

StateKind = Literal["embedded", "external"]


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data folder that is ours until it is closed. `lock_fd` is the open, locked file."""

    path: Path
    temporary: bool
    lock_fd: int

    @property
    def blobs(self) -> Path:
        """Where the blob store lies."""
        return self.path / "blobs"

    @property
    def logs(self) -> Path:
        """Where each program's output goes, one file a program."""
        return self.path / "logs"

    @property
    def valkey(self) -> Path:
        """Where Valkey keeps its configuration and its append-only file."""
        return self.path / "valkey"

    def close(self, *, remove: bool) -> None:
        """Let the folder go, and remove it if it was a temporary one and `remove` is set."""
        os.close(self.lock_fd)
        if self.temporary and remove:
            shutil.rmtree(self.path, ignore_errors=True)


def open_folder(path: Path | None, state: StateKind) -> DataFolder:
    """Make or reopen a data folder and lock it; without a path, a temporary one.

    Errors: SETTINGS_INVALID where it is no folder, not writable, a stranger's, another kind's or in use.
    """
    if path is None:
        made = Path(tempfile.mkdtemp(prefix="collatio-"))
        return _claim(made, temporary=True, state=state)
    wanted = path.expanduser().absolute()
    if wanted.exists() and not wanted.is_dir():
        raise _refused(f"{wanted} is not a folder: name a folder with --data")
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {each.name for each in wanted.iterdir()}
    except OSError as failure:
        raise _unusable(wanted, failure) from None
    strangers = {name for name in names - _NOT_STRANGERS if not name.startswith(".")}
    if strangers and MARKER not in names:
        raise _refused(f"{wanted} holds other files and no collatio data: name an empty folder with --data")
    return _claim(wanted, temporary=False, state=state)


def _claim(path: Path, *, temporary: bool, state: StateKind) -> DataFolder:
    try:
        lock_fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise _unusable(path, failure) from None
    folder = DataFolder(path, temporary, lock_fd)
    try:
        _lock(folder)
        _recognise(path / MARKER, state)
        for each in (folder.blobs, folder.logs, folder.valkey):
            each.mkdir(mode=0o700, exist_ok=True)
    except OSError as failure:
        os.close(lock_fd)
        raise _unusable(path, failure) from None
    except CollatioError:
        os.close(lock_fd)
        raise
    return folder


def _lock(folder: DataFolder) -> None:
    try:
        fcntl.flock(folder.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(folder.lock_fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise _refused(
            f"{folder.path} is in use by another mesh (process {holder}): stop it or name another folder with --data"
        ) from None
    os.ftruncate(folder.lock_fd, 0)
    os.pwrite(folder.lock_fd, str(os.getpid()).encode(), 0)


def _recognise(marker: Path, state: StateKind) -> None:
    """Check the marker against this mesh, or write it where there is none."""
    if not marker.exists():
        marker.write_text(json.dumps({"format": FORMAT, "state": state}) + "\n", encoding="utf-8")
        return
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
        known = (int(found["format"]), str(found["state"]))
    except (ValueError, KeyError, TypeError):
        raise _refused(f"{marker} is damaged: remove the folder or name another one with --data") from None
    if known[0] != FORMAT:
        raise _refused(
            f"{marker.parent} was written by another version (format {known[0]}, this one reads {FORMAT}): "
            "name another folder with --data"
        )
    if known[1] != state:
        raise _refused(
            f"{marker.parent} belongs to an {known[1]} Valkey, this mesh uses an {state} one: "
            "name another folder with --data or use the same Valkey as before"
        )


def _unusable(path: Path, failure: OSError) -> CollatioError:
    return _refused(f"{path} cannot be used ({failure.strerror}): name a writable folder with --data")


def _refused(message: str) -> CollatioError:
    return CollatioError(Reason.SETTINGS_INVALID, message)
