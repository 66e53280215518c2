"""Turn what was named into the sources of a job: read in place where the mesh can, uploaded where it cannot.

Rules (DESIGN section 6). A path is the caller's. A mesh on this machine that was given the path as a root
reads it in place; any other gets the bytes, under a key that is the path as typed, so that results can be
called by it. A URI is the mesh's and is passed on as it stands, right or wrong. A path that cannot be read
here is a failed document, not a failed command.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from collatio.cli.folders import file_uri, find_files, local_failure
from collatio.cli.order import Input, Mode, Order
from collatio.cli.output.documents import LocalFailure, failure_from
from collatio.client.messages import BlobRef, Source
from collatio.runtime.errors import Category, CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from collatio.cli.folders import LocalFile

SOURCES_MAX = 10_000  # the contract's own limit
KEY_CHARS_MAX = 256
UPLOADS_AT_ONCE = 4
_ROOTS_CHARS_MAX = 96 * 1024  # below the 128 KiB that Linux allows one environment variable


class Uploads(Protocol):
    """Where bytes go: the client, or a fake."""

    async def upload(self, source: Path | bytes) -> BlobRef:
        """Put a file into the mesh."""
        ...


@dataclass(slots=True)
class Placed:
    """The sources of a job, how each document named can be referred to, and what could not be read here.

    `references` are the keys of uploaded files; `uploaded` the same for each input, by relative path.
    """

    sources: list[Source] = field(default_factory=list)
    references: dict[Path, str] = field(default_factory=dict)
    uploaded: dict[Input, dict[str, str]] = field(default_factory=dict)
    unread: list[LocalFailure] = field(default_factory=list)
    baseline: Source | None = None
    roots: Sequence[Path] = ()

    def reference(self, one: Input) -> str | None:
        """Name a document in a plan: its source's key, or its URI; None where it could not be read."""
        if one.path is None:
            return one.text
        if self.in_place(one.path):
            return file_uri(one.path)
        return self.references.get(one.path)

    def in_place(self, path: Path) -> bool:
        """Tell whether the mesh reads a path where it lies."""
        return any(path.is_relative_to(root) for root in self.roots)


def choose_roots(order: Order) -> tuple[Path, ...]:
    """Choose the roots of an embedded mesh: the paths that were named, each once, none inside another.

    What cannot be passed on as a root (a name with the separator of path lists, more names than fit) is left
    out, and uploaded.
    """
    ends = [end for pair in order.pairs for end in pair]
    named = [*order.inputs, *ends, *([order.baseline] if order.baseline else [])]
    roots: list[Path] = []
    room = _ROOTS_CHARS_MAX
    for path in sorted({each.path for each in named if each.path is not None}):
        if any(path.is_relative_to(root) for root in roots):
            continue
        room -= len(os.fsencode(path)) + 1
        if os.pathsep not in str(path) and room >= 0:
            roots.append(path)
    return tuple(roots)


async def place(
    order: Order,
    uploads: Uploads,
    *,
    roots: Sequence[Path] = (),
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> Placed:
    """Make the sources of an order. `told` hears how many uploads are done, of how many.

    Errors: `CollatioError` where the mesh refuses uploads; TOO_MANY_DOCUMENTS before any is made.
    """
    placer = _Placer(order, uploads, roots, told)
    return await placer.place()


class _Placer:
    def __init__(
        self,
        order: Order,
        uploads: Uploads,
        roots: Sequence[Path],
        told: Callable[[int, int], None],
    ) -> None:
        self._order = order
        self._uploads = uploads
        self._told = told
        self._placed = Placed(roots=roots)
        self._keys: set[str] = set()

    async def place(self) -> Placed:
        slots: list[Source | LocalFile] = []
        for one in self._order.inputs:
            slots.extend(self._slots_of(one))
        baseline = self._baseline_slot()
        if len(slots) > SOURCES_MAX:
            if any(not isinstance(each, Source) for each in slots):
                raise CollatioError(
                    Reason.TOO_MANY_DOCUMENTS,
                    f"A job takes at most {SOURCES_MAX} uploaded files; these are {len(slots)}.",
                )
            slots = [await self._as_list([each for each in slots if isinstance(each, Source)])]
        files = [each for each in [*slots, baseline] if each is not None and not isinstance(each, Source)]
        sent = await self._send(files)
        made = (each if isinstance(each, Source) else sent.get(each.path) for each in slots)
        self._placed.sources = [each for each in made if each is not None]
        if baseline is not None:
            self._placed.baseline = baseline if isinstance(baseline, Source) else sent.get(baseline.path)
        return self._placed

    def _slots_of(self, one: Input) -> Iterable[Source | LocalFile]:
        """Yield one source, or the files that are still to be uploaded."""
        order = self._order
        if one.path is None or self._placed.in_place(one.path):
            uri = one.text if one.path is None else file_uri(one.path)
            source = Source(uri=uri)
            if one.path is None or uri.endswith("/"):
                source.include.extend(order.include)
                source.exclude.extend(order.exclude)
            if order.mode is Mode.MATCHED:
                source.key = self._key(one.text)
            return [source]
        found = find_files(one, order.include, order.exclude)
        self._placed.unread.extend(found.failures)
        fresh = [each for each in found.files if each.path not in self._placed.references]
        for each in fresh:
            self._placed.references[each.path] = self._key(each.name)
        keys = {each.relative_path: self._placed.references[each.path] for each in found.files}
        self._placed.uploaded[one] = keys
        return fresh

    def _baseline_slot(self) -> Source | LocalFile | None:
        """Give the baseline's own source, or its file; None where it is among the files to upload."""
        one = self._order.baseline
        if one is None:
            return None
        if one.path is None or self._placed.in_place(one.path):
            return Source(uri=one.text if one.path is None else file_uri(one.path))
        if one.path in self._placed.references:
            return None
        found = find_files(one)
        self._placed.unread.extend(found.failures)
        if len(found.files) != 1:
            return None
        self._placed.references[one.path] = self._key(found.files[0].name)
        return found.files[0]

    def _key(self, name: str) -> str:
        """Make a name into a key: unique, valid UTF-8, at most 256 characters, its end kept whole."""
        raw = os.fsencode(name)
        key = raw.decode("utf-8", "replace")
        if len(key) > KEY_CHARS_MAX or key in self._keys or not key:
            mark = hashlib.sha256(raw).hexdigest()[:12]
            key = f"{mark}…{key[-(KEY_CHARS_MAX - 13) :]}"
        self._keys.add(key)
        return key

    async def _as_list(self, sources: Sequence[Source]) -> Source:
        """Put more URIs than a job has sources for into one uploaded list."""
        text = "".join(f"{each.uri}\n" for each in sources)
        blob = await self._uploads.upload(text.encode())
        return Source(uri_list=blob, include=self._order.include, exclude=self._order.exclude)

    async def _send(self, files: Sequence[LocalFile]) -> dict[Path, Source]:
        sent: dict[Path, Source] = {}
        waiting = iter(files)
        done = 0

        async def worker() -> None:
            nonlocal done
            for file in waiting:
                source = await self._send_one(file)
                if source is not None:
                    sent[file.path] = source
                done += 1
                self._told(done, len(files))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(UPLOADS_AT_ONCE, len(files))):
                    group.create_task(worker())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return sent

    async def _send_one(self, file: LocalFile) -> Source | None:
        key = self._placed.references[file.path]
        try:
            blob = await self._uploads.upload(file.path)
        except OSError as error:
            failure = local_failure(file.name, error)
        except CollatioError as error:
            if error.entry.category is not Category.INVALID:
                raise
            failure = LocalFailure(file.name, failure_from(error, "fetch"))
        else:
            return Source(blob=blob, key=key)
        self._placed.unread.append(failure)
        del self._placed.references[file.path]
        return None
