"""`collatio diff`: what changed between two documents, or two folders, without a mesh."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from collatio.cli.ignoring import IGNORING_OPTIONS
from collatio.cli.options import json_option, with_options

if TYPE_CHECKING:
    from collatio.cli.diffing.model import PairDiff, Side
    from collatio.plugins.comparators import Options

_CHANGES_MAX = 100_000


@click.command(
    short_help="Show what changed between two documents, or folders.",
    epilog="Exit status: 0 the same; 1 different; 2 trouble.",
)
@click.argument("left", metavar="A", type=click.Path(path_type=Path))
@click.argument("right", metavar="B", type=click.Path(path_type=Path))
@with_options(*IGNORING_OPTIONS)
@click.option("--artifacts", is_flag=True, help="Count and show what extraction likely made up, too.")
@click.option("-q", "--brief", is_flag=True, help="Say only whether they differ.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether to colour; auto: on a terminal, unless NO_COLOR is set.",
)
@json_option
def diff(
    *,
    left: Path,
    right: Path,
    ignore_case: bool,
    ignore_space: bool,
    ignore_furniture: bool,
    patterns: tuple[str, ...],
    artifacts: bool,
    brief: bool,
    color: Literal["auto", "always", "never"],
    as_json: bool,
) -> int:
    """Show what changed from A to B, word by word: two documents of any formats, or two folders.

    No mesh is needed: the files are read in this process, without a mesh's sandbox. Folders are listed as
    `diff -r` does it, and a document beside a folder is compared with the file of its name there; `-` is
    standard input. What extraction likely made up does not count as a difference.
    """
    from collatio.cli.exit_status import DiffStatus
    from collatio.plugins.comparators import Ignore, Options
    from collatio.runtime.errors import CollatioError

    ignore = Ignore(ignore_case, ignore_space, ignore_furniture, patterns)
    options = Options(ignore, max_changes=_CHANGES_MAX, max_unlike_changes=_CHANGES_MAX)
    try:
        if left.is_dir() and right.is_dir():
            return _diff_folders(left, right, options, artifacts=artifacts, as_json=as_json)
        return _diff_documents(
            *_beside(left, right), options, artifacts=artifacts, brief=brief, as_json=as_json, color=color
        )
    except CollatioError as error:
        faults = "; ".join(f"{each.field}: {each.description}" for each in error.violations)
        _complain(str(error.reason), faults or error.message)
    except OSError as error:
        from collatio.cli.folders import local_failure

        failure = local_failure(str(error.filename), error).failure
        _complain(failure.reason, f"{error.filename}: {failure.message}")
    return DiffStatus.TROUBLE


def _beside(left: Path, right: Path) -> tuple[Path, Path]:
    """Name the file in a folder that belongs to the document on the other side."""
    if left.is_dir():
        return left / right.name, right
    return left, right / left.name if right.is_dir() else right


def _diff_documents(
    left: Path, right: Path, options: Options, *, artifacts: bool, brief: bool, as_json: bool, color: str
) -> int:
    from collatio.cli.diffing.indoors import Indoors
    from collatio.cli.diffing.pair import diff_pair
    from collatio.cli.diffing.rows import pair_row
    from collatio.cli.exit_status import DiffStatus

    found = diff_pair(Indoors(), _side(left), _side(right), options, artifacts=artifacts)
    if as_json:
        click.echo(json.dumps(pair_row(found), ensure_ascii=False))
    elif found.different and brief:
        click.echo(f"Files {left} and {right} differ")
    else:
        _show(found, color)
    _remark(found)
    return DiffStatus.DIFFERENT if found.different else DiffStatus.SAME


def _side(path: Path) -> Side:
    from collatio.cli.diffing.model import Side

    if str(path) == "-":
        return Side("-", sys.stdin.buffer.read())
    return Side(str(path), path.read_bytes())


def _show(found: PairDiff, color: str) -> None:
    from collatio.cli.diffing.paint import Paint
    from collatio.cli.diffing.redline import Redline

    if found.readings is None or not found.different:
        return
    paint = Paint(color == "always" or (color == "auto" and _wants_colour()))
    click.echo(paint.heading(f"--- {found.left}\n+++ {found.right}"), color=paint.colour)
    for line in Redline(found.readings[1].document.blocks, paint).lines(found.changes):
        click.echo(line, color=paint.colour)
    for path in found.members.left_only:
        click.echo(paint.deleted(f"within: {path}"), color=paint.colour)
    for path in found.members.right_only:
        click.echo(paint.inserted(f"within: {path}"), color=paint.colour)
    for path in found.members.differ:
        click.echo(f"within: {paint.heading(path)} differs", color=paint.colour)


def _wants_colour() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in {"", "dumb"}
    return sys.stdout.isatty() and not plain


def _remark(found: PairDiff) -> None:
    """Say on standard error what keeps the answer from being the whole truth."""
    from collatio.cli.printable import printable

    for reading in found.readings or ():
        for code, message in dict(reading.warnings).items():
            click.echo(printable(f"{reading.document.uri}: {code}: {message}"), err=True)
    if found.readings is not None and not found.different:
        click.echo("the files differ, what is read of them does not", err=True)
    if found.artifacts_hidden:
        click.echo(
            f"{found.artifacts_hidden} likely artefacts of extraction are not shown; --artifacts shows them",
            err=True,
        )
    if found.comparison is not None and found.comparison.changes_truncated:
        click.echo(f"only the first {len(found.comparison.changes)} changes are listed", err=True)


def _diff_folders(left: Path, right: Path, options: Options, *, artifacts: bool, as_json: bool) -> int:
    from collatio.cli.diffing.indoors import Indoors
    from collatio.cli.diffing.rows import tree_row
    from collatio.cli.diffing.trees import diff_trees, entry_line
    from collatio.cli.exit_status import DiffStatus

    entries = []
    for entry in diff_trees(Indoors(), left, right, options, artifacts=artifacts):
        entries.append(entry)
        if entry.reason:
            _complain(entry.reason, entry.message)
        elif not as_json and (line := entry_line(entry, str(left), str(right))):
            click.echo(line)
    if as_json:
        click.echo(json.dumps(tree_row(str(left), str(right), entries), ensure_ascii=False))
    if any(entry.reason for entry in entries):
        return DiffStatus.TROUBLE
    same = all(entry.diff is not None and not entry.diff.different for entry in entries)
    return DiffStatus.SAME if same else DiffStatus.DIFFERENT


def _complain(reason: str, message: str) -> None:
    from collatio.cli.printable import printable

    click.echo(f"collatio: {reason}: {printable(message)}", err=True)
