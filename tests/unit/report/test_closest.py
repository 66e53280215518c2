"""Which pairs are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.report.closest import closest_pairs, in_files, on_the_page
from collatio.report.folder import read_folder
from collatio.report.order import alike_together, worth_showing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.report.conftest import Making


def several(making: Making, tmp_path: Path, *pairs: tuple[int, int, float, int]) -> Path:
    """Make documents and pairs of so many changes."""
    from tests.unit.report.conftest import change, spot

    for at in range(1 + max(max(pair[:2]) for pair in pairs)):
        making.document(f"file:///{at}", "x" * 100)
    for left, right, overall, count in pairs:
        making.pair(
            left, right, overall, [change("DELETED", spot(0, at, 1), leftText="x") for at in range(count)]
        )
    return making.write(tmp_path)


def test_each_document_has_its_closest_pair(making: Making, tmp_path: Path) -> None:
    """From either side."""
    account = read_folder(several(making, tmp_path, (0, 1, 0.5, 1), (0, 2, 0.9, 1), (1, 2, 0.6, 1)))
    assert {at: pair.index for at, pair in closest_pairs(account).items()} == {0: 1, 2: 1, 1: 2}


def test_the_page_shows_the_most_alike_and_the_most_changed(making: Making, tmp_path: Path) -> None:
    """Not those without a change, nor the hardly related; the rest go to files."""
    pairs = ((0, 1, 0.99, 0), (0, 2, 0.9, 1), (0, 3, 0.8, 2), (1, 2, 0.5, 30), (1, 3, 0.1, 90))
    account = read_folder(several(making, tmp_path, *pairs))
    shown = on_the_page(account, 2)
    assert [pair.index for pair in shown] == [1, 3]
    assert [pair.index for pair in in_files(account, shown, 5)] == [2, 4]


def test_those_that_are_alike_stand_together(making: Making, tmp_path: Path) -> None:
    """Whatever order they came in."""
    account = read_folder(several(making, tmp_path, (0, 2, 0.9, 1), (1, 3, 0.8, 1), (0, 1, 0.1, 1)))
    order = alike_together(range(4), account.pairs)
    assert {tuple(sorted(order[:2])), tuple(sorted(order[2:]))} == {(0, 2), (1, 3)}


def test_whole_clusters_are_drawn_first(making: Making, tmp_path: Path) -> None:
    """Then the documents with the closest others, as far as there is room."""
    account = read_folder(several(making, tmp_path, (0, 1, 0.99, 1), (2, 3, 0.8, 1), (3, 4, 0.85, 1)))
    assert worth_showing(range(5), account.pairs, [(2, 3)], 3) == [0, 2, 3]
