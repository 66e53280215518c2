"""`collatio report` over a real connection, and of a folder when nothing listens."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from collatio.cli.program import program
from collatio.cli.surroundings import Surroundings
from tests.wire.fake_gateway import FakeGateway, FakeMesh, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

NOWHERE = ("--gateway", "127.0.0.1:1")


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    """Run a gateway elsewhere."""
    with served() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An output folder, made by a run; the command works beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLLATIO_GATEWAY", raising=False)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("one two three four")
    (tmp_path / "docs" / "b.txt").write_text("one two three five")
    assert collatio("run", "docs", "-o", "out").exit_code == 0
    return tmp_path / "out"


def collatio(*args: object) -> Result:
    """Run the command with a fake mesh in the embedded one's place."""
    surroundings = Surroundings(open_mesh=FakeMesh())
    return CliRunner().invoke(program, [str(each) for each in args], obj=surroundings)


def test_page_is_made_again_from_the_folder_alone(folder: Path) -> None:
    """The same bytes, without a mesh."""
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    result = collatio("report", "out", *NOWHERE)
    assert (result.exit_code, result.stdout) == (0, "out/report.html\n")
    assert (folder / "report.html").read_bytes() == before


def test_summary_goes_where_it_is_told(folder: Path) -> None:
    """Into a file, or to standard output with a dash."""
    printed = collatio("report", "out", "--format", "csv", "-o", "-", *NOWHERE)
    assert collatio("report", "out", "--format", "csv", "-o", "s.csv", *NOWHERE).stdout == "s.csv\n"
    assert Path("s.csv").read_text() == printed.stdout
    assert [row["uri"].rpartition("/")[2] for row in csv.DictReader(io.StringIO(printed.stdout))] == [
        "a.txt",
        "b.txt",
    ]


def test_json_form_is_one_object(folder: Path) -> None:
    """Written into the folder where no file is named."""
    assert collatio("report", "out", "--format", "json", *NOWHERE).stdout == "out/report.json\n"
    assert len(json.loads((folder / "report.json").read_text())["documents"]) == 2


def test_redlines_in_files_are_as_many_as_were_asked_for(folder: Path) -> None:
    """They lie in a folder named after the page; those of an earlier report are taken away."""
    (folder / "report").mkdir(exist_ok=True)
    (folder / "report" / "pair-00099.html").touch()
    (folder / "report" / "mine.txt").touch()
    assert collatio("report", "out", "--pairs", "0", *NOWHERE).exit_code == 0
    assert [each.name for each in (folder / "report").iterdir()] == ["mine.txt"]


def test_a_job_that_the_mesh_keeps_is_reported(folder: Path, gateway: FakeGateway) -> None:
    """Its results are read from the gateway and leave nothing behind but the report."""
    where = ("--gateway", gateway.target)
    name = collatio("submit", "docs", *where).stdout.strip()
    collatio("watch", name, *where)
    result = collatio("report", name, "--format", "json", *where)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["clusters"][0]["members"]


def test_a_folder_that_is_none_of_ours_is_refused(folder: Path) -> None:
    """With the one sentence that helps."""
    result = collatio("report", "docs", *NOWHERE)
    assert result.exit_code == 2
    assert "collatio run -o" in result.stderr


def test_a_damaged_folder_is_refused(folder: Path) -> None:
    """Nothing is written of half a file."""
    (folder / "comparisons.jsonl").write_text("{")
    result = collatio("report", "out", *NOWHERE)
    assert result.exit_code == 2
    assert "damaged" in result.stderr


def test_a_folder_that_is_absent_is_not_asked_of_the_gateway(folder: Path) -> None:
    """A path is no job's name."""
    result = collatio("report", "./nowhere", *NOWHERE)
    assert result.exit_code == 2
    assert "is not a folder" in result.stderr


def test_pairs_belong_to_the_page(folder: Path) -> None:
    """With another form the option is refused, not passed over."""
    assert collatio("report", "out", "--format", "csv", "--pairs", "3").exit_code == 2
