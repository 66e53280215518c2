"""What is published works where nothing else is: the wheel, outside the clone, in an empty environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.architecture.conftest import Tree

WAYS_BACK = ("PYTHON", "VIRTUAL_ENV", "COLLATIO_", "OTEL_")  # by these an environment could reach the clone's


def run(*argv: str | Path, cwd: Path) -> None:
    """Run a program to its good end; a failure shows what it complained of."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(WAYS_BACK)}
    env["COLLATIO_DEBUG"] = "1"
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it, with what it declares and nothing else, at the versions of the lock."""
    folder = tmp_path_factory.mktemp("elsewhere")
    tools = Path(sys.executable).parent
    run(tools / "hatchling", "build", "--target", "wheel", "--directory", folder / "dist", cwd=tree.root)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    into: list[str | Path] = [
        "--python",
        folder / "venv/bin/python",
        "--constraint",
        tree.root / "requirements-run.txt",
    ]
    run(tools / "uv", "pip", "install", "--quiet", "--system-certs", *into, wheel, cwd=folder)
    return folder / "venv/bin"


@pytest.mark.stack
def test_the_wheel_does_the_main_job_outside_the_clone(installed: Path, tmp_path: Path) -> None:
    """Everything that collatio needs is in its wheel and among the dependencies it declares."""
    documents = tmp_path / "documents"
    documents.mkdir()
    for name, fee in (("a.txt", "4,800"), ("b.txt", "5,250")):
        (documents / name).write_text(f"The fee for platform access is {fee} pounds a month.\n", "utf-8")
    run(installed / "collatio", "run", documents, "-o", tmp_path / "out", cwd=tmp_path)
    (comparison,) = (tmp_path / "out/comparisons.jsonl").read_text("utf-8").splitlines()
    assert json.loads(comparison)["status"] == "COMPARED"
