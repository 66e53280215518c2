"""What the architecture tests read: the files of the tree as they stand, without asking git."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = Path("collatio/v1")


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file of ours: its path from the root of the clone, its text, and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Tree:
    """The clone: its root, every file that is kept in it, and our own Python among them."""

    root: Path
    files: tuple[Path, ...] = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)

    def read(self, path: str) -> str:
        """Read a text file of the clone."""
        return (self.root / path).read_text("utf-8")


@pytest.fixture(scope="session")
def tree() -> Tree:
    """List the clone's files, sorted, without what .gitignore names."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    files = sorted(_walk(ROOT, ignored))
    ours = [p for p in files if p.suffix == ".py" and not p.is_relative_to(GENERATED)]
    return Tree(ROOT, tuple(files), tuple(_source(path) for path in ours))


def _walk(root: Path, ignored: list[str]) -> list[Path]:
    found = []
    for folder, folders, names in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if name != ".git" and not _ignored(here / name, ignored)]
        found += [here / name for name in names if not _ignored(here / name, ignored)]
    return found


def _ignored(path: Path, patterns: list[str]) -> bool:
    """Follow .gitignore as far as ours goes: a leading slash means the root, a last one a folder."""
    anchored = [p.strip("/") for p in patterns if p.startswith("/")]
    return str(path) in anchored or any(
        fnmatch(path.name, p.rstrip("/")) for p in patterns if not p.startswith("/")
    )


def _source(path: Path) -> Source:
    text = (ROOT / path).read_text("utf-8")
    return Source(path, text, ast.parse(text, str(path)))
