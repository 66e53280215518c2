"""The three stages have one shape: learn one, know all three."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.architecture.conftest import Tree

SHAPE = {
    *("__init__.py", "__main__.py", "settings.py", "server.py", "tasks.py", "convert.py", "adapters.py"),
    "engine",
}
BESIDES = {
    "fetch_svc": {"sources"},  # the places documents come from, each with its I/O
    "extract_svc": {"sandboxed.py"},  # what runs under the sandbox's walls
    "compare_svc": {"sandboxed.py", "priors.py"},  # besides: what earlier jobs compared
}


@pytest.mark.parametrize("stage", sorted(BESIDES))
def test_a_stage_has_the_files_of_the_other_stages(tree: Tree, stage: str) -> None:
    """The same file name means the same job in every stage, and what stands besides is named here."""
    found = {path.parts[1] for path in tree.files if path.parts[0] == stage}
    assert found == SHAPE | BESIDES[stage]


@pytest.mark.parametrize("stage", sorted(BESIDES))
def test_an_engine_has_its_values_in_model(tree: Tree, stage: str) -> None:
    """What an engine takes and gives is found in the same place in each."""
    assert any(path.parts == (stage, "engine", "model.py") for path in tree.files)


@pytest.mark.parametrize("stage", sorted(BESIDES))
def test_a_stage_says_what_it_promises(tree: Tree, stage: str) -> None:
    """A reader who opens a stage's package is told its promise first."""
    assert '"""' in tree.read(f"{stage}/__init__.py")
