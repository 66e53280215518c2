"""The page: whole, closed to the world, the same for the same input."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from collatio.report.folder import read_folder
from collatio.report.page import make_page, measures
from tests.unit.report.conftest import change, spot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.report.conftest import Making

SCHEME = re.compile(r"^\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class Reader(HTMLParser):
    """Note every element with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def pages(folder: Path) -> list[str]:
    """Make the page and all further ones."""
    page = make_page(read_folder(folder), pair_folder="report", page_name="report.html", more_pairs=9)
    return ["".join(page.html), *(text for _, text in page.further())]


def read(html: str) -> list[tuple[str, dict[str, str]]]:
    """Read a page's elements."""
    reader = Reader()
    reader.feed(html)
    return reader.tags


def test_policy_names_the_page_s_own_style_and_script(small: Path) -> None:
    """`default-src 'none'`, and the hashes are those of what stands there."""
    html = pages(small)[0]
    policy = next(each["content"] for tag, each in read(html) if each.get("http-equiv"))
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert policy.startswith("default-src 'none'; ")
    for name, (text,) in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("which", ["small", "hostile"])
def test_nothing_outside_is_named(which: str, request: pytest.FixtureRequest) -> None:
    """No source, no scheme in a link, no inline style, no handler, whatever the documents say."""
    for html in pages(request.getfixturevalue(which)):
        for tag, attributes in read(html):
            assert tag not in {"img", "iframe", "link", "object", "embed", "form", "base", "image", "use"}
            assert not {"src", "style", "srcset", "action"} & set(attributes)
            assert not [name for name in attributes if name.startswith("on")]
            assert not SCHEME.match(attributes.get("href", ""))


def test_hostile_text_opens_no_element(hostile: Path) -> None:
    """A page holds its own two scripts, the map's data among them, and one style."""
    html, *further = pages(hostile)
    count = [tag for tag, _ in read(html)]
    assert (count.count("script"), count.count("style"), count.count("title")) == (2, 1, 1 + _titles(html))
    assert all([tag for tag, _ in read(each)].count("script") == 1 for each in further)
    assert "&lt;script&gt;alert(1)" in html


def _titles(html: str) -> int:
    """Count the titles within pictures, which are our own."""
    return html.count("<title>") - 1


def test_same_input_gives_the_same_bytes(small: Path) -> None:
    """No clock, no chance."""
    assert pages(small) == pages(small)


def test_every_link_within_the_page_leads_somewhere(small: Path) -> None:
    """Each anchor stands once; each further file is written."""
    account = read_folder(small)
    page = make_page(account, pair_folder="report", page_name="report.html", more_pairs=9)
    html = "".join(page.html)
    ids = re.findall(r'<[^>]* id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    links = {each["href"] for tag, each in read(html) if tag == "a"}
    assert {each[1:] for each in links if each.startswith("#")} <= set(ids)
    files = {f"report/{name}" for name, _ in page.further()}
    assert {each for each in links if not each.startswith("#")} == files


def test_summary_tells_counts_and_failures(small: Path) -> None:
    """How many, how many failed, why, and which are closest."""
    html = pages(small)[0]
    assert "Of 4 documents, 3 could be read and 1 could not." in html
    assert "DOCUMENT_CORRUPT" in html
    assert "80.0% alike" in html


def test_sections_without_content_are_left_out(tmp_path: Path) -> None:
    """A job that only extracted has no map, no pairs, no redlines."""
    (tmp_path / "job.json").write_text('{"name": "jobs/x", "spec": {}}')
    html = pages(tmp_path)[0]
    assert re.findall(r'<section id="(\w+)"', html) == ["documents", "method"]


def test_a_redline_the_page_has_no_room_for_gets_a_file(making: Making, tmp_path: Path) -> None:
    """However alike the two are; the page stays quick and links to it."""
    making.document("file:///a", "word " * 200_000 + "old")
    making.document("file:///b", "word " * 200_000 + "new")
    at = spot(0, 1_000_000, 3)
    making.pair(0, 1, 0.99, [change("REPLACED", at, at, leftText="old", rightText="new")])
    html, *further = pages(making.write(tmp_path))
    assert len(html) < 100_000
    assert 'href="report/pair-00001.html"' in html
    assert len(further) == 1


def test_a_pair_says_what_its_likeness_is_made_of() -> None:
    """So that a figure below 100% is explained where no word differs; what does not apply is not there."""
    assert (
        measures({"text": 1.0, "structure": 0.82, "overall": 0.96}) == "Alike by text 100%, structure 82.0%"
    )
    assert measures({}) == ""
