"""Two folders, diffed."""

from __future__ import annotations

from pathlib import Path

import pytest

from collatio.cli.diffing.trees import TreeEntry, diff_trees, entry_line
from collatio.plugins.comparators import Options
from tests.unit.cli.diffing.given import ARTIFACT, FakeEngines


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Make two folders and work beside them."""
    monkeypatch.chdir(tmp_path)
    made = Path("a"), Path("b")
    for each in made:
        (each / "sub").mkdir(parents=True)
        (each / "same").write_text("same")
        (each / "sub" / "other").write_text(f"in {each}")
    Path("a/sub/gone").write_text("x")
    Path("b/come").write_text("x")
    return made


def entries(trees: tuple[Path, Path], engines: FakeEngines | None = None) -> list[TreeEntry]:
    """Diff the trees."""
    return list(diff_trees(engines or FakeEngines(), *trees, Options()))


def test_listing_is_that_of_diff_r(trees: tuple[Path, Path]) -> None:
    """What stands on one side, what differs and by how much; nothing of what is the same."""
    lines = [entry_line(each, "a/", "b") for each in entries(trees)]
    assert [line for line in lines if line] == [
        "Only in b: come",
        "Only in a/sub: gone",
        "Files a/sub/other and b/sub/other differ (text 0.50, 1 change)",
    ]


def test_artefacts_alone_are_no_difference(trees: tuple[Path, Path]) -> None:
    """As for two documents."""
    lines = [entry_line(each, "a", "b") for each in entries(trees, FakeEngines((ARTIFACT,)))]
    assert not any("differ" in line for line in lines)


def test_trouble_with_one_file_does_not_end_the_listing(trees: tuple[Path, Path]) -> None:
    """It is told by name, and the rest is compared."""
    Path("a/broken").write_text("corrupt")
    Path("b/broken").write_text("x")
    found = {each.path: each for each in entries(trees)}
    assert (found["broken"].reason, found["broken"].message) == (
        "DOCUMENT_CORRUPT",
        "a/broken: It is broken.",
    )
    assert found["sub/other"].diff is not None


def test_links_inside_are_not_followed(trees: tuple[Path, Path], tmp_path: Path) -> None:
    """A link could lead anywhere; the mesh does not follow it either."""
    outside = tmp_path / "outside"
    outside.write_text("x")
    Path("a/link").symlink_to(outside)
    assert "link" not in {each.path for each in entries(trees)}


def test_names_cannot_drive_the_terminal(trees: tuple[Path, Path]) -> None:
    """A file's name may hold an escape sequence."""
    assert entry_line(TreeEntry("sub/\x1b[2J", "left"), "a", "b") == "Only in a/sub: \\x1b[2J"
