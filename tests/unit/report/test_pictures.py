"""Maps, clusters and chains."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from collatio.report.figures import duration, moment, percent
from collatio.report.folder import read_folder
from collatio.report.heatmap import DOCUMENTS_MAX, heatmap
from collatio.report.names import Names, cut_middle
from collatio.report.pictures import clusters, families

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.report.conftest import Making


def test_the_map_holds_a_square_a_pair(small: Path) -> None:
    """Its numbers, row by row, in the order in which it is drawn; the pair with a redline leads to it."""
    account = read_folder(small)
    html = heatmap(account, Names(account.documents), {0}) or ""
    values = json.loads(re.findall(r"<script[^>]*>(.*?)</script>", html)[0])
    assert sorted(values) == [100, 100, 800]
    assert html.count('href="#pair-0"') == 1


def test_the_map_is_bounded(making: Making, tmp_path: Path) -> None:
    """Beyond a hundred documents it shows those with close others, and says how many it does not."""
    for at in range(DOCUMENTS_MAX + 30):
        making.document(f"file:///{at}", "x")
    for at in range(DOCUMENTS_MAX + 29):
        making.pair(at, at + 1, 0.5)
    account = read_folder(making.write(tmp_path))
    html = heatmap(account, Names(account.documents), set()) or ""
    assert html.count('class="l s"') == DOCUMENTS_MAX
    assert "30 more are not drawn" in html


def test_two_documents_need_no_map(making: Making, tmp_path: Path) -> None:
    """One square says no more than the pair itself."""
    making.document("file:///a", "x")
    making.document("file:///b", "x")
    making.pair(0, 1, 0.5)
    account = read_folder(making.write(tmp_path))
    assert heatmap(account, Names(account.documents), set()) is None


def test_a_chain_names_versions_oldest_first(small: Path) -> None:
    """Between two, how alike they are, what changed, and what the order rests on."""
    account = read_folder(small)
    html = families(account, Names(account.documents), {0: "#pair-0"}) or ""
    assert html.index("terms-1.txt") < html.index("terms-2.txt")
    assert "80.0% alike · 6 changes · order by date" in html


def test_a_chain_is_as_wide_as_its_names(small: Path) -> None:
    """No picture is wider than what is in it needs, so that none of them scrolls for nothing."""
    account = read_folder(small)
    html = families(account, Names(account.documents), {}) or ""
    (width,) = re.findall(r'class="chain"[^>]* width="(\d+)"', html)
    assert 300 <= int(width) < 400


def test_a_cluster_names_its_members(small: Path) -> None:
    """With a line for the pair that was compared."""
    account = read_folder(small)
    html = clusters(account, Names(account.documents)) or ""
    assert html.count("<line") == 1
    assert html.count("<li>") == 2


def test_a_similarity_is_never_rounded_to_certainty() -> None:
    """100% is said of equal documents alone, 0% of those that share nothing."""
    assert [percent(1.0), percent(0.99999), percent(0.00001), percent(0.0)] == [
        "100%",
        "99.9%",
        "0.1%",
        "0.0%",
    ]


def test_times_are_the_same_everywhere() -> None:
    """In UTC and without a locale; what is no time stands as it is."""
    assert moment("2026-05-03T10:00:00+02:00") == "3 May 2026, 08:00 UTC"
    assert moment("soon") == "soon"
    assert [duration(x) for x in (0.00002, 0.5, 3, 600, 9000)] == [
        "20 µs",
        "500 ms",
        "3.0 s",
        "10.0 min",
        "2.5 h",
    ]


def test_names_are_as_short_as_they_can_be(making: Making, tmp_path: Path) -> None:
    """Without the folder that all share, with their own where two share a name."""
    for uri in ("file:///r/a/x.txt", "file:///r/b/x.txt", "file:///r/b/caf%C3%A9.txt"):
        making.document(uri, "x")
    names = Names(read_folder(making.write(tmp_path)).documents)
    assert [names.short(at) for at in range(3)] == ["a/x.txt", "b/x.txt", "café.txt"]
    assert names.path(2) == "b/café.txt"
    assert cut_middle("abcdefghij", 5) == "ab…ij"
