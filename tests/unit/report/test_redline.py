"""Redlines say what changed, where, and in both views."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from collatio.report.folder import read_folder
from collatio.report.markup import joined
from collatio.report.redline import ON_PAGE, Bounds, Redline
from tests.unit.report.conftest import change, spot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.report.conftest import Making


def redline(folder: Path, pair: int = 0, bounds: Bounds = ON_PAGE) -> str:
    """Write a pair's redline."""
    account = read_folder(folder)
    found = account.pairs[pair]
    papers = account.shelf.paper(found.left), account.shelf.paper(found.right)
    return Redline(found, papers, account.shelf.changes(pair), (joined("L"), joined("R")), bounds).mark_up()


def view(text: str, name: str) -> str:
    """Take one of the two views."""
    side, inline = text.index('<div class="side">'), text.index('<div class="inline">')
    return text[side:inline] if name == "side" else text[inline:]


def plain(html: str) -> str:
    """Strip the tags."""
    return re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize("name", ["side", "inline"])
def test_every_change_is_marked_and_can_be_jumped_to(small: Path, name: str) -> None:
    """Each number of the index leads to one place of that view."""
    html = view(redline(small), name)
    targets = re.findall(r'href="#(p0[si]c\d+)" class="k', html)
    assert [each[4:] for each in targets] == ["1", "2", "3", "4", "5"]
    assert all(html.count(f'id="{each}"') == 1 for each in targets)


def test_no_id_is_given_twice(small: Path) -> None:
    """Within a redline, whatever nests."""
    ids = re.findall(r' id="([^"]+)"', redline(small))
    assert len(ids) == len(set(ids))


def test_sides_show_what_each_document_says(small: Path) -> None:
    """Deleted on the left, inserted on the right."""
    html = view(redline(small), "side")
    assert "<del>30</del>" in re.sub(r" data-c=\"\d+\"", "", html)
    assert re.search(r"<ins [^>]*>21</ins>", html)
    assert "moved away" in html
    assert "moved here" in html


def test_inline_weaves_both_into_one(small: Path) -> None:
    """What was replaced stands before what replaced it."""
    html = view(redline(small), "inline")
    assert "Pay within 3021 days." in plain(html)
    assert plain(html).count("Gone for good.") == 1


def test_changed_cells_hold_both_values(small: Path) -> None:
    """In the inline view; the side view shows each on its side."""
    html = view(redline(small), "inline")
    assert re.search(r"<td[^>]*><del>10</del> <ins>12</ins></td>", html)


def test_changed_values_are_listed(small: Path) -> None:
    """Fields and metadata stand before the text."""
    html = redline(small)
    assert "<del>One</del>" in html
    assert "metadata" in html


def test_a_deletion_stands_where_it_stood(making: Making, tmp_path: Path) -> None:
    """Inline, between the words that surrounded it, blanks included."""
    making.document("file:///a", "One, two three.")
    making.document("file:///b", "One, three.")
    making.pair(0, 1, 0.9, [change("DELETED", spot(0, 5, 4), leftText="two ")])
    html = view(redline(making.write(tmp_path)), "inline")
    assert re.search(r"One, <del[^>]*>two </del>three\.", html)


def test_unchanged_blocks_are_folded(making: Making, tmp_path: Path) -> None:
    """The neighbours of a change stay; large texts leave the others out and say so."""
    blocks = [f"Paragraph {at}." for at in range(20)]
    making.document("file:///a", *blocks)
    making.document("file:///b", *blocks[:10], "Paragraph X.", *blocks[11:])
    making.pair(
        0, 1, 0.9, [change("REPLACED", spot(10, 10, 2), spot(10, 10, 1), leftText="10", rightText="X")]
    )
    folder = making.write(tmp_path)
    html = view(redline(folder), "inline")
    assert html.count("<details") == 2
    assert "9 unchanged blocks" in html
    short = view(redline(folder, bounds=Bounds(whole_max=10, rows_max=5)), "inline")
    assert "9 unchanged blocks left out" in short
    assert "Paragraph 3." not in short
    assert "Paragraph 9." in short


def test_more_changed_blocks_than_are_shown_are_counted(making: Making, tmp_path: Path) -> None:
    """What is cut is said."""
    making.document("file:///a", *["x"] * 9)
    making.document("file:///b", *["y"] * 9)
    changes = [
        change("REPLACED", spot(at, 0, 1), spot(at, 0, 1), leftText="x", rightText="y") for at in range(9)
    ]
    making.pair(0, 1, 0.9, changes)
    html = redline(making.write(tmp_path), bounds=Bounds(whole_max=1000, rows_max=4))
    assert html.count("5 more changed blocks are not shown") == 2


def test_artefacts_are_out_of_sight(making: Making, tmp_path: Path) -> None:
    """They are neither numbered nor do they make a row a changed one."""
    making.document("file:///a", "Head", "Text.")
    making.document("file:///b", "Text.")
    furniture = change(
        "DELETED", spot(0, 0, 4), leftText="Head", likelyArtifact=True, artifactReason="PAGE_FURNITURE"
    )
    making.pair(0, 1, 0.9, [furniture])
    html = redline(making.write(tmp_path))
    assert 'class="r art"' in html
    assert "chg" not in html
    assert "Likely artefacts (1)" in html


def test_renumbering_is_quiet(making: Making, tmp_path: Path) -> None:
    """It is there to be seen, in grey, but is no change to jump to, and blocks that hold nothing else fold."""
    making.document("file:///a", "Old.", *(f"{at}. Clause." for at in range(1, 9)))
    making.document("file:///b", "New.", *(f"{at}. Clause." for at in range(2, 10)))
    changes = [change("REPLACED", spot(0, 0, 3), spot(0, 0, 3), leftText="Old", rightText="New")]
    changes += [
        change(
            *("REPLACED", spot(at, 0, 1), spot(at, 0, 1)),
            leftText=str(at),
            rightText=str(at + 1),
            renumbering=True,
        )
        for at in range(1, 9)
    ]
    making.pair(0, 1, 0.9, changes)
    html = redline(making.write(tmp_path))
    assert html.count('class="k ') == 2  # one jump a view
    assert html.count("blocks unchanged or only renumbered") == 2
    assert '<del class="num" title="only renumbered">3</del>' in view(html, "inline")
    assert view(html, "side").count('class="r chg"') == 1


def test_a_table_with_a_new_row_stands_beside_its_older_self(making: Making, tmp_path: Path) -> None:
    """Also where no cell differs, so that no change names both tables."""
    old, new = [["Item", "Fee"], ["Access", "10"]], [["Item", "Fee"], ["Access", "10"], ["Customs", "5"]]
    making.document("file:///a", "Before.", "Item\tFee\nAccess\t10", kinds="-t", tables=[{"rows": old}])
    making.document(
        "file:///b", "Before.", "Item\tFee\nAccess\t10\nCustoms\t5", kinds="-t", tables=[{"rows": new}]
    )
    making.pair(
        0,
        1,
        0.9,
        [change("INSERTED", right=spot(1, 0, 0, table=0, row=2), scope="TABLE", rightText="Customs\t5")],
    )
    html = redline(making.write(tmp_path))
    assert view(html, "side").count("<table") == 2
    assert view(html, "side").count('class="r chg"') == 1
    assert view(html, "inline").count("<table") == 1
    assert '<tr class="t-in">' in view(html, "inline")
