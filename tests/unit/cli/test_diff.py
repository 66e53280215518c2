"""`collatio diff`, with the real engines, as a person or a script meets it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from collatio.cli.program import program

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).resolve().parents[3]
OLD, NEW = "The fee is 100 dollars a month.", "The fee is 120 dollars a month."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make two texts and work beside them."""
    monkeypatch.chdir(tmp_path)
    Path("old.txt").write_text(OLD)
    Path("new.html").write_text(f"<html><body><p>{NEW}</p></body></html>")
    Path("old.html").write_text(f"<html><body><p>{OLD}</p></body></html>")
    return tmp_path


def diff(*args: str, given: bytes | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(program, ["diff", *args], input=given)


def test_different_documents_exit_1_with_a_redline() -> None:
    """Two formats, one word between them."""
    result = diff("old.txt", "new.html")
    assert result.exit_code == 1
    assert result.stdout == (
        "--- old.txt\n+++ new.html\n@@ block 1 @@\nThe fee is [-100-]{+120+} dollars a month.\n"
    )


def test_same_documents_exit_0_without_a_word() -> None:
    """The same file, and the same text in two formats; where bytes differ standard error says so."""
    assert (diff("old.txt", "old.txt").exit_code, diff("old.txt", "old.txt").output) == (0, "")
    result = diff("old.txt", "old.html")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "the files differ, what is read of them does not" in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("old.txt", "none.txt"), "collatio: SOURCE_NOT_FOUND: none.txt: "),
        (("old.txt", "broken.pdf"), "collatio: DOCUMENT_CORRUPT: broken.pdf: "),
        (("old.txt", "new.html", "-I", "("), "collatio: INVALID_REQUEST: "),
        (("old.txt",), "Missing argument 'B'"),
    ],
)
def test_trouble_exits_2(args: tuple[str, ...], said: str) -> None:
    """A line on standard error says what, and nothing is on standard output."""
    Path("broken.pdf").write_bytes(b"%PDF-1.4\nnothing")
    result = diff(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_what_is_ignored_makes_no_difference() -> None:
    """Case and patterns can be left out."""
    Path("loud.txt").write_text(OLD.upper())
    assert diff("old.txt", "loud.txt").exit_code == 1
    assert diff("old.txt", "loud.txt", "-i").exit_code == 0
    assert diff("old.txt", "new.html", "--ignore", r"\d+").exit_code == 0


def test_brief_and_json_replace_the_redline() -> None:
    """One line for a person, one object for a program; the exit status is the same."""
    brief = diff("-q", "old.txt", "new.html")
    assert (brief.exit_code, brief.stdout) == (1, "Files old.txt and new.html differ\n")
    as_json = diff("--json", "old.txt", "new.html")
    row = json.loads(as_json.stdout)
    assert (as_json.exit_code, row["different"], row["counts"]["changes"]) == (1, True, 1)
    assert (row["changes"][0]["leftText"], row["changes"][0]["rightText"]) == ("100", "120")


def test_standard_input_and_a_folder_can_be_a_side() -> None:
    """As diff(1) has it."""
    assert "[-120-]{+100+}" in diff("-", "old.txt", given=NEW.encode()).stdout
    Path("dir").mkdir()
    Path("dir/old.txt").write_text(NEW)
    assert "+++ dir/old.txt" in diff("old.txt", "dir").stdout
    assert "--- dir/old.txt" in diff("dir", "old.txt").stdout


def test_folders_are_listed(folder: Path) -> None:
    """Same 0, different 1, trouble 2, whatever else there is."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "same.txt").write_text(OLD)
    assert (diff("a", "b").exit_code, diff("a", "b").stdout) == (0, "")
    Path("b/more.txt").write_text(NEW)
    result = diff("a", "b")
    assert (result.exit_code, result.stdout) == (1, "Only in b: more.txt\n")
    assert json.loads(diff("a", "b", "--json").stdout)["rightOnly"] == ["more.txt"]
    for name in ("a", "b"):
        Path(name, "bad.pdf").write_bytes(b"%PDF-1.4\n" + name.encode())
    trouble = diff("a", "b")
    assert (trouble.exit_code, trouble.stdout) == (2, "Only in b: more.txt\n")
    assert "DOCUMENT_CORRUPT: a/bad.pdf" in trouble.stderr


def test_colour_is_kept_when_asked_for() -> None:
    """--color always paints into a pipe, never does not on a terminal."""
    assert "\x1b[31m[-100-]\x1b[m\x1b[32m{+120+}" in diff("old.txt", "new.html", "--color", "always").stdout
    assert b"\x1b" not in on_terminal({}, "--color", "never")


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_terminal_is_coloured_unless_it_does_not_want_it(env: dict[str, str], *, coloured: bool) -> None:
    """NO_COLOR is honoured."""
    assert (b"\x1b[32m" in on_terminal(env)) == coloured


def on_terminal(env: dict[str, str], *args: str) -> bytes:
    """Run the command on a terminal of its own, and give what it wrote there."""
    ours, theirs = pty.openpty()
    plain = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    done = subprocess.run(
        [sys.executable, "-m", "collatio.cli", "diff", "old.txt", "new.html", *args],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**plain, "PYTHONPATH": str(ROOT), "TERM": "xterm", **env},
        check=False,
    )
    assert done.returncode == 1
    written = os.read(ours, 65536)
    os.close(theirs)
    os.close(ours)
    return written


def test_two_small_files_need_neither_a_mesh_nor_a_second() -> None:
    """No gRPC, no queue, no language model is loaded, and a second of processor time is by far not used up."""
    code = (
        "import sys, time\nfrom collatio.cli.program import program\n"
        "try:\n    program.main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print([n for n in ('grpc', 'celery', 'redis', 'google.protobuf', 'py3langid') if n in sys.modules])\n"
        "print(time.process_time())"
    )
    runs = [_loaded_and_spent(code) for _ in range(3)]  # the best of three: others use the machine too
    assert {loaded for loaded, _ in runs} == {"[]"}
    assert min(spent_s for _, spent_s in runs) < 0.8


def _loaded_and_spent(code: str) -> tuple[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", code, "diff", "old.txt", "new.html"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    loaded, spent_s = done.stdout.splitlines()[-2:]
    return loaded, float(spent_s)
