"""The habits that no linter holds: sizes, names, reasons, and nothing of one machine in the tree."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.architecture.conftest import Source, Tree

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common"}
SUPPRESSION = re.compile(r"#\s*(noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?|pragma:\s*[\w ]+)")
LETTERS_OF_A_REASON = 3
# Put together here, so that this file does not hold what it looks for.
HOSTS = [".".join(words) for words in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))]
MACHINE_PATH = re.compile(r"(?<![\w.)}-])/(?:work|root|home/\w+|Users/\w+)/")


def test_no_file_is_longer_than_five_hundred_lines(tree: Tree) -> None:
    """A file is one idea, read in one sitting."""
    paths = [s.path for s in tree.sources] + [p for p in tree.files if p.suffix == ".lua"]
    lengths = {str(path): len(tree.read(str(path)).splitlines()) for path in paths}
    assert not {path: lines for path, lines in lengths.items() if lines > FILE_LINES_MAX}


def test_no_function_is_longer_than_seventy_lines(tree: Tree) -> None:
    """A function fits on a screen."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = ((s.path, node) for s in tree.sources for node in ast.walk(s.tree) if isinstance(node, kinds))
    lengths = {f"{path}:{node.name}": (node.end_lineno or 0) - node.lineno + 1 for path, node in found}
    assert not {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX}


def test_modules_are_named_for_what_they_do(tree: Tree) -> None:
    """No module's name is one under which anything could be put."""
    words = {str(s.path): set(s.path.stem.split("_")) | set(s.path.parts[:-1]) for s in tree.sources}
    assert not [path for path, parts in words.items() if parts & EMPTY_NAMES]
    assert not [path for path in words if re.search(r"part_?\d+\.py$|_\d\.py$", path)]


def test_every_suppression_says_why(tree: Tree) -> None:
    """Whoever silences a tool leaves the reason on the line."""
    assert not [place for source in tree.sources for place in _unexplained(source)]


def _unexplained(source: Source) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT and SUPPRESSION.search(token.string):
            reason = SUPPRESSION.sub("", token.string)
            if len(re.findall(r"[^\W\d_]", reason)) < LETTERS_OF_A_REASON:
                yield f"{source.path}:{token.start[0]}"


def test_every_rule_that_is_switched_off_says_why(tree: Tree) -> None:
    """The linter's exceptions in pyproject.toml are explained one by one."""
    listed = tree.read("pyproject.toml").partition("\nignore = [\n")[2].partition("\n]")[0]
    assert listed
    assert not [line for line in listed.splitlines() if "#" not in line]


def test_nothing_of_one_machine_is_in_the_tree(tree: Tree) -> None:
    """No file names a folder of somebody's machine, or the address of a package registry."""
    found = []
    for path in tree.files:
        text = (tree.root / path).read_bytes().decode("utf-8", "ignore")
        hosts = [host for host in HOSTS if host in text]
        found += [f"{path}: {what}" for what in (*hosts, *MACHINE_PATH.findall(text))]
    assert not found
