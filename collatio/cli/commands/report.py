"""`collatio report`: make a report again, of a folder without a mesh, or of a job that a mesh still keeps."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from collatio.cli.options import named_gateway_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.cli.surroundings import Surroundings
    from collatio.report.model import Account


_EXAMPLES = """\b
Examples:
  collatio report out                              out/report.html and out/report/ again
  collatio report out --format csv -o -            the summary, to standard output
  collatio report out --format changes             out/changes.csv, a row a change
  collatio report JOB --format html -o job.html    a job that the mesh still keeps"""


@click.command(short_help="Make a report of a folder or a job.", epilog=_EXAMPLES)
@click.argument("source", metavar="DIR|JOB")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "csv", "changes", "json"]),
    default="html",
    show_default=True,
    help="A page; CSV, a row a document; CSV, a row a change; or everything but texts and changes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="The file to write; - is standard output. Unset: a file in DIR; for a job, standard output.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=0),
    help="With html: how many redlines, beside those on the page, get files of their own. Unset: 24.",
)
@named_gateway_option
@click.pass_obj
def report(
    surroundings: Surroundings,
    *,
    source: str,
    form: str,
    output: Path | None,
    pairs: int | None,
    gateway: str,
) -> int:
    """Make a report again: a page, CSV or JSON.

    DIR is a folder that `collatio run -o` has left; it is all that is needed. The names of files written are
    printed. With html and standard output the page stands alone, without redlines in further files.
    """
    from collatio.cli.exit_status import ExitStatus

    if pairs is not None and form != "html":
        raise click.UsageError("--pairs goes with --format html")
    folder = Path(source) if Path(source).is_dir() else None
    with _source(surroundings, folder, source, gateway) as found:
        account = _read(found, source)
        if str(output) == "-" or (output is None and folder is None):
            _print(account, form)
        else:
            for path in _write(account, form, output, found, pairs):
                click.echo(path)
    return ExitStatus.OK


@contextmanager
def _source(surroundings: Surroundings, folder: Path | None, job: str, gateway: str) -> Iterator[Path]:
    """Give the folder, or one that lasts as long as the context with the job's results in it."""
    if folder is not None:
        yield folder
        return
    if "/" in job.removeprefix("jobs/") or job.startswith("."):
        raise click.UsageError(f"{job} is not a folder")
    from collatio.cli.job_rows import job_name
    from collatio.cli.running import run_async

    with tempfile.TemporaryDirectory(prefix="collatio-report-") as made:
        place = Path(made)
        run_async(lambda: _fetch(surroundings, gateway, job_name(job), place))
        yield place


async def _fetch(surroundings: Surroundings, gateway: str, name: str, place: Path) -> None:
    from collatio.cli.conduct import state_of
    from collatio.cli.output.folder import save_rows
    from collatio.cli.session import connect
    from collatio.client import TERMINAL_STATES

    async with connect(gateway) as client:
        job = await client.job(name)
        if job.state not in TERMINAL_STATES:
            surroundings.talk().say(f"{name} is still {state_of(job)}; these are its results so far")
        await save_rows(client, job, place)


def _read(folder: Path, named: str) -> Account:
    from collatio.report.folder import read_folder

    try:
        return read_folder(folder)
    except FileNotFoundError as error:
        raise click.UsageError(
            f"{named} holds no job.json; name a folder that `collatio run -o` has left"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise click.UsageError(f"{named} holds a file that is damaged, or not collatio's") from error


def _print(account: Account, form: str) -> None:
    from collatio.cli.output.reports import text_of

    for part in text_of(account, form):
        sys.stdout.buffer.write(part.encode("utf-8", "replace"))


def _write(account: Account, form: str, output: Path | None, folder: Path, pairs: int | None) -> list[Path]:
    from collatio.cli.output import reports

    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"{output.parent} is not a folder")
    if form == "json":
        return reports.write_json(account, output or folder / reports.JSON_REPORT)
    if form == "changes":
        return reports.write_changes(account, output or folder / reports.CHANGES)
    if form == "csv":
        summary = output or folder / reports.SUMMARY
        return reports.write_csv(account, summary, reports.rollup_beside(summary))
    more = reports.MORE_PAIRS if pairs is None else pairs
    return reports.write_html(account, output or folder / reports.REPORT, more)
