"""The example plugins as their users have them: built as wheels, installed, and working in a mesh."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import sysconfig
import venv
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]

EXAMPLES = ROOT / "examples" / "plugins"
PACKAGES = ("collatio-acta", "collatio-figures", "collatio-shelf")
STEP_S = 120.0
MINUTES = "%ACTA 1\ntitle: Weekly meeting\n\n# Decisions\n- Paint the fence.\n| Item | Cost |\n| Paint | 120 EUR |\n"


def run(*words: str | Path, cwd: Path = ROOT) -> None:
    """Run a tool to its end."""
    done = subprocess.run(
        [*map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=STEP_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that sees ours and has the example packages installed from wheels."""
    folder = tmp_path_factory.mktemp("plugins")
    for name in PACKAGES:
        run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder / "wheels",
            cwd=EXAMPLES / name)  # fmt: skip
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    scheme = {"base": str(folder / "env"), "platbase": str(folder / "env")}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    # Ours is the whole environment beneath, its own path files included: that is how an editable collatio is found.
    site.joinpath("ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    wheels = sorted((folder / "wheels").glob("*.whl"))
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps",
        "--disable-pip-version-check", *wheels)  # fmt: skip
    return python


async def collatio(python: Path, *words: str | Path, **settings: str) -> str:
    """Run the command in that environment to its end; what it wrote."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "COLLATIO_"))}
    process = await asyncio.create_subprocess_exec(
        python, "-m", "collatio.cli", *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ours | settings,
    )  # fmt: skip
    async with asyncio.timeout(STEP_S):
        out, talk = await process.communicate()
    assert process.returncode == 0, talk.decode()
    return out.decode()


async def extracted(python: Path, shelf: Path, *uris: str) -> dict[str, dict[str, Any]]:
    """Extract URIs, those on a shelf among them: a line a document, by URI."""
    out = await collatio(
        python, "extract", *uris, "--fail-on", "none",
        COLLATIO_FETCH_SCHEMES="file,shelf",
        COLLATIO_FETCH_PLUGINS=json.dumps({"shelf": {"database": str(shelf)}}),
    )  # fmt: skip
    return {row["uri"]: row for row in map(json.loads, out.splitlines())}


async def test_the_packages_keep_their_promises(python: Path) -> None:
    """Each package's own tests, collatio's suites among them, pass against what was installed."""
    await asyncio.to_thread(
        run,
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(EXAMPLES / name / "tests" for name in PACKAGES),
    )


async def test_a_source_and_an_extractor_of_ones_own_work_together(python: Path, tmp_path: Path) -> None:
    """Minutes on a shelf are fetched by the one plugin and read by the other; a stranger's format fails typed."""
    shelf = tmp_path / "shelf.db"
    with closing(sqlite3.connect(shelf)) as database, database:
        database.execute("CREATE TABLE document (path TEXT PRIMARY KEY, revision INTEGER, bytes BLOB)")
        rows = [
            ("2026/march.acta", MINUTES),
            ("2026/bad.acta", "%ACTA 9\n\nx"),
            ("2026/note.txt", "A plain note."),
        ]
        database.executemany("INSERT INTO document VALUES (?, 1, ?)", [(p, t.encode()) for p, t in rows])
    found = await extracted(python, shelf, "shelf:2026/")
    minutes = found["shelf:2026/march.acta"]
    assert minutes["mediaType"] == "text/x-acta"
    assert minutes["text"].startswith("Decisions\n\nPaint the fence.")
    assert [table["rows"] for table in minutes["tables"]] == [[["Item", "Cost"], ["Paint", "120 EUR"]]]
    assert found["shelf:2026/bad.acta"]["error"]["reason"] == "FORMAT_UNSUPPORTED"
    assert found["shelf:2026/note.txt"]["text"] == "A plain note."


async def test_a_comparator_of_ones_own_compares_a_job(python: Path, tmp_path: Path) -> None:
    """A job that names it gets its changes and its figures of likeness, in the rows and in the report."""
    for name, text in (("a.txt", "Pay 1,000 EUR in 30 days."), ("b.txt", "In 30 days 950 EUR are paid.")):
        (tmp_path / name).write_text(text)
    out = tmp_path / "out"
    await collatio(
        python, "run", tmp_path / "a.txt", tmp_path / "b.txt", "--comparator", "figures", "-o", out
    )
    (row,) = map(json.loads, (out / "comparisons.jsonl").read_text("utf-8").splitlines())
    assert [(each["kind"], each["leftText"], each["rightText"]) for each in row["changes"]] == [
        ("DELETED", "1,000", ""),
        ("INSERTED", "", "950"),
    ]
    assert row["similarity"] == {"fields": 0.5, "overall": 0.5}
    assert "50.0%" in (out / "report.html").read_text("utf-8")
