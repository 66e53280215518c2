"""Diff two folders, as `diff -r` lists them: what stands in one alone, and which of the others differ.

Files are paired by their path below the folder. Links inside are not followed. One file's trouble does not end
the listing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from collatio.cli.diffing.model import Side
from collatio.cli.diffing.pair import diff_pair
from collatio.cli.folders import find_files, local_failure
from collatio.cli.order import Input
from collatio.cli.printable import printable
from collatio.runtime.errors import CollatioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collatio.cli.diffing.model import Engines, PairDiff
    from collatio.cli.folders import LocalFile
    from collatio.cli.output.documents import LocalFailure
    from collatio.plugins.comparators import Options


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A path of two folders: on one `side` alone, compared, or in trouble for a `reason`."""

    path: str
    side: Literal["", "left", "right"] = ""
    diff: PairDiff | None = None
    reason: str = ""
    message: str = ""


def diff_trees(
    engines: Engines, left: Path, right: Path, options: Options, *, artifacts: bool = False
) -> Iterator[TreeEntry]:
    """Yield what stands in two folders, by path, as it is found out."""
    founds = [find_files(Input(str(each), each.absolute())) for each in (left, right)]
    for found in founds:
        for failure in found.failures:
            yield _trouble(failure.uri, failure)
    lefts, rights = ({file.relative_path: file for file in found.files} for found in founds)
    for path in sorted(lefts.keys() | rights.keys()):
        if path not in rights:
            yield TreeEntry(path, "left")
        elif path not in lefts:
            yield TreeEntry(path, "right")
        else:
            yield _compared(engines, path, lefts[path], rights[path], options, artifacts=artifacts)


def _compared(
    engines: Engines, path: str, left: LocalFile, right: LocalFile, options: Options, *, artifacts: bool
) -> TreeEntry:
    try:
        sides = Side(left.name, left.path.read_bytes()), Side(right.name, right.path.read_bytes())
        return TreeEntry(path, diff=diff_pair(engines, *sides, options, artifacts=artifacts))
    except CollatioError as error:
        return TreeEntry(path, reason=str(error.reason), message=error.message)
    except OSError as error:
        return _trouble(path, local_failure(str(error.filename), error))


def _trouble(path: str, failed: LocalFailure) -> TreeEntry:
    return TreeEntry(path, reason=failed.failure.reason, message=f"{failed.uri}: {failed.failure.message}")


def entry_line(entry: TreeEntry, left: str, right: str) -> str:
    """Write what there is to say of a path on standard output; empty where there is nothing."""
    if entry.side:
        folder, name = os.path.split(entry.path)
        top = left if entry.side == "left" else right
        return printable(f"Only in {os.path.normpath(os.path.join(top, folder))}: {name}")  # noqa: PTH118 - text as typed
    if entry.diff is None or not entry.diff.different:
        return ""
    return printable(f"Files {entry.diff.left} and {entry.diff.right} differ{_how_much(entry.diff)}")


def _how_much(diff: PairDiff) -> str:
    compared = diff.comparison
    if compared is None or compared.similarity is None or compared.similarity.text is None:
        return ""
    count = len(diff.changes)
    return f" (text {compared.similarity.text:.2f}, {count} change{'' if count == 1 else 's'})"
