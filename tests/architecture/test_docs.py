"""What the documents say exists, exists."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from collatio.cli.program import program
from collatio.runtime.errors import CATALOGUE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.architecture.conftest import Tree

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TARGET = re.compile(r"`make ([a-z-]+)")
TEST = re.compile(r"`(test_\w+)`")
COMMAND = re.compile(r"`collatio ([a-z]+)")
DECISION = re.compile(r"DECISIONS(?:\.md)?[ ,]+(?:number )?(\d+)")


def pages(tree: Tree) -> list[Path]:
    """Every page of documentation; samples are documents, not documentation."""
    return [p for p in tree.files if p.suffix == ".md" and not p.is_relative_to("examples/documents")]


def anchors(text: str) -> set[str]:
    """Name the anchors that a page's headings make, as GitHub makes them."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {word.replace(" ", "-") for word in words}


def test_every_link_leads_somewhere(tree: Tree) -> None:
    """A relative link names a file that is there, and a heading that it has."""
    broken = []
    for page in pages(tree):
        for target, anchor in LINK.findall(tree.read(str(page))):
            file = (tree.root / page).parent / target if target else tree.root / page
            if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
                broken.append(f"{page}: {target}#{anchor}")
    assert not broken


def test_every_page_is_listed_in_the_index(tree: Tree) -> None:
    """Whoever opens the documentation finds all of it."""
    listed = {target for target, _ in LINK.findall(tree.read("docs/index.md"))}
    assert not [str(p) for p in pages(tree) if p.parts[0] == "docs" and p.name not in {*listed, "index.md"}]


def test_every_make_target_that_is_named_exists(tree: Tree) -> None:
    """A command that a page tells the reader to type is one that make knows."""
    known = set(re.findall(r"^([a-z-]+):", tree.read("Makefile"), re.MULTILINE))
    named = {(str(page), t) for page in pages(tree) for t in TARGET.findall(tree.read(str(page)))}
    assert not [f"{page}: make {target}" for page, target in sorted(named) if target not in known]


def test_every_command_that_is_named_exists(tree: Tree) -> None:
    """A remedy or a page never sends the reader to a command that is not there."""
    known = set(program.list_commands(click.Context(program)))
    texts = {str(page): tree.read(str(page)) for page in pages(tree)}
    texts |= {reason: entry.remedy for reason, entry in CATALOGUE.items()}
    named = {(place, command) for place, text in texts.items() for command in COMMAND.findall(text)}
    assert not [f"{place}: collatio {command}" for place, command in sorted(named) if command not in known]


def test_every_test_that_is_named_exists(tree: Tree) -> None:
    """A claim that names its test can be tried."""
    known = {name for s in tree.sources for name in re.findall(r"def (test_\w+)\(", s.text)}
    named = {(str(page), name) for page in pages(tree) for name in TEST.findall(tree.read(str(page)))}
    assert not [f"{page}: {name}" for page, name in sorted(named) if name not in known]


def test_decisions_are_numbered_and_the_cited_ones_exist(tree: Tree) -> None:
    """A number in a comment leads to the record that explains the line."""
    numbers = [int(n) for n in re.findall(r"^## (\d+)\. ", tree.read("DECISIONS.md"), re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    cited = {(str(s.path), int(n)) for s in tree.sources for n in DECISION.findall(s.text)}
    assert not [f"{path}: {number}" for path, number in sorted(cited) if number not in numbers]


@pytest.mark.parametrize("page", ["errors", "settings"])
def test_a_page_made_from_the_code_is_up_to_date(tree: Tree, page: str) -> None:
    """The catalogue and the settings read as the code has them: `make docs`."""
    argv = [sys.executable, f"docs/make_{page}.py", "--check"]
    done = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
