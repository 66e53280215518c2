"""Put the page together: one file, its style and script inside and named by their hashes in its policy.

The page loads nothing, sends nothing and runs nothing but its own script, whatever the documents say: the
policy allows no source at all, not even the page's own. Without the script everything can be read and every
link works; it adds filtering, keys, and what the map says under the pointer.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from collatio.report import listing, overview, pictures
from collatio.report.closest import in_files, on_the_page
from collatio.report.figures import counted, percent
from collatio.report.heatmap import heatmap
from collatio.report.markup import Markup, el, joined
from collatio.report.names import Names
from collatio.report.redline import IN_FILE, ON_PAGE, Bounds, Redline
from collatio.report.waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from collatio.report.model import Account, Pair

REDLINES_MAX = 12
REDLINES_CHARS_MAX = 1_500_000
_HEADS = {
    "map": "How alike they are",
    "sides": "On one side only",
    "clusters": "Clusters of near-duplicates",
    "families": "Versions, oldest first",
    "rollup": "What changed in the baseline",
    "trace": "Where the time went",
    "method": "How it is measured",
}
_MARK = el("span", "collatio", class_="brand")


@dataclass(frozen=True, slots=True)
class Page:
    """The page, ready to be written: its pieces, and the further files it links to."""

    html: tuple[str, ...]
    maker: _Maker
    more: tuple[Pair, ...]

    def further(self) -> Iterator[tuple[str, str]]:
        """Yield the further files, one redline each, by name."""
        for pair in self.more:
            yield _file_name(pair), self.maker.pair_page(pair)


def make_page(account: Account, *, pair_folder: str, page_name: str, more_pairs: int) -> Page:
    """Make the page of an account.

    `pair_folder` is where the further files will stand, beside the page, which will be called `page_name`;
    at most `more_pairs` redlines go there. Errors: OSError, ValueError where texts cannot be read again.
    """
    maker = _Maker(account, pair_folder, page_name)
    return maker.page(more_pairs)


def _file_name(pair: Pair) -> str:
    return f"pair-{pair.index + 1:05d}.html"


class _Maker:
    def __init__(self, account: Account, pair_folder: str, page_name: str) -> None:
        self._account = account
        self._names = Names(account.documents)
        self._folder = pair_folder
        self._page_name = page_name
        assets = files("collatio.report")
        self._style = assets.joinpath("style.css").read_text("utf-8")
        self._script = assets.joinpath("script.js").read_text("utf-8")

    def page(self, more_pairs: int) -> Page:
        """Make the page and choose the pairs of the further files."""
        redlines, shown = self._redlines()
        more = in_files(self._account, shown, more_pairs)
        links = {pair.index: f"#pair-{pair.index}" for pair in shown}
        links |= {pair.index: f"{self._folder}/{_file_name(pair)}" for pair in more}
        sections = [each for each in self._sections(redlines, links) if each is not None]
        nav = el(
            "nav", _MARK, [link for link, _ in sections], _filter_box(), class_="bar-top", aria_label="Page"
        )
        body = el(
            "main",
            overview.masthead(self._account, self._names),
            (section for _, section in sections),
            id="top",
        )
        title = overview.title(self._account, self._names)
        return Page(tuple(self._frame(title, nav, body)), self, tuple(more))

    def _redlines(self) -> tuple[list[Markup], list[Pair]]:
        """Write the redlines the page has room for."""
        written: list[Markup] = []
        shown: list[Pair] = []
        room = REDLINES_CHARS_MAX
        for pair in on_the_page(self._account, REDLINES_MAX):
            redline = self._redline(pair, ON_PAGE)
            if len(redline) > room:  # it gets a file of its own
                continue
            room -= len(redline)
            head = el("summary", self._head(pair))
            written.append(
                el(
                    "details",
                    head,
                    redline,
                    class_="pair",
                    id=f"pair-{pair.index}",
                    open=not shown,
                    data_f=True,
                )
            )
            shown.append(pair)
        return written, shown

    def _redline(self, pair: Pair, bounds: Bounds) -> Markup:
        shelf = self._account.shelf
        papers = shelf.paper(pair.left), shelf.paper(pair.right)
        titles = self._names.mark_up(pair.left), self._names.mark_up(pair.right)
        redline = Redline(pair, papers, shelf.changes(pair.index), titles, bounds).mark_up()
        made_of = measures(pair.similarity)
        return joined(el("p", made_of, class_="note measures") if made_of else None, redline)

    def _head(self, pair: Pair) -> Markup:
        changes = counted(pair.edits, "change") if pair.edits else "no edit, artefacts only"
        if pair.renumbered:
            changes += f", {pair.renumbered:,} renumbered"
        return joined(
            el("span", percent(pair.overall), class_="alike-big"),
            el(
                "span",
                el("span", self._names.mark_up(pair.left), class_="from"),
                el("span", self._names.mark_up(pair.right), class_="to"),
                class_="who",
            ),
            el("span", changes, class_="how-many"),
        )

    def _sections(
        self, redlines: Sequence[Markup], links: dict[int, str]
    ) -> Iterator[tuple[Markup, Markup] | None]:
        account, names = self._account, self._names
        on_page = {index for index, link in links.items() if link.startswith("#")}
        yield _section("failures", "Failures", overview.failures(account, names))
        yield _section("sides", "One side only", overview.one_side_only(account))
        yield _section("map", "Map", heatmap(account, names, on_page))
        yield _section("clusters", "Near-duplicates", pictures.clusters(account, names))
        yield _section("families", "Versions", pictures.families(account, names, links))
        yield _section("rollup", "Rollup", listing.rollup(account, names))
        yield _section(
            "redlines",
            "Redlines",
            joined(_legend("n and p go from change to change, / filters"), redlines) if redlines else None,
        )
        yield _section("pairs", "Pairs", listing.pairs(account, names, links))
        yield _section("documents", "Documents", listing.documents(account, names, links))
        yield _section("trace", "Trace", waterfall(account.trace))
        yield _section("method", "Method", _method())

    def pair_page(self, pair: Pair) -> str:
        """Make a further file: one pair's redline, whole."""
        names = self._names
        title = f"{names.short(pair.left)} and {names.short(pair.right)}"
        back = el("a", "All results", href=f"../{self._page_name}#pairs")
        nav = el("nav", _MARK, back, class_="bar-top", aria_label="Page")
        redline = self._redline(pair, IN_FILE)
        body = el(
            "main",
            el("header", el("h1", self._head(pair), class_="pair-head"), class_="mast"),
            _legend("n and p go from change to change"),
            el("section", redline, class_="pair alone"),
            id="top",
        )
        return "".join(self._frame(title, nav, body))

    def _frame(self, title: str, *parts: str) -> Iterable[str]:
        policy = (
            f"default-src 'none'; style-src {_hash(self._style)}; script-src {_hash(self._script)}; "
            "base-uri 'none'; form-action 'none'"
        )
        return (
            "<!doctype html>\n",
            '<html lang="en">',
            el(
                "head",
                el("meta", charset="utf-8"),
                el("meta", http_equiv="Content-Security-Policy", content=policy),
                el("meta", name="viewport", content="width=device-width, initial-scale=1"),
                el("meta", name="color-scheme", content="light dark"),
                el("meta", name="referrer", content="no-referrer"),
                el("title", title),
                el("style", Markup(self._style)),
            ),
            "<body>",
            el("a", "To the content", href="#top", class_="skip"),
            *parts,
            el("script", Markup(self._script)),
            "</body></html>\n",
        )


def measures(similarity: Mapping[str, float]) -> str:
    """Say what a pair's likeness is made of, so that one below 100% is explained where no word differs."""
    parts = [f"{name} {percent(value)}" for name, value in similarity.items() if name != "overall"]
    return "Alike by " + ", ".join(parts) if parts else ""


def _legend(keys: str) -> Markup:
    return el(
        "p",
        (el("del", "deleted"), " ", el("ins", "inserted"), " ", el("span", "moved", class_="mv-in")),
        el("span", f"Keys: {keys}.", class_="only-script keys"),
        class_="legend-line",
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _section(name: str, short: str, body: Markup | None) -> tuple[Markup, Markup] | None:
    """Write a section and the link to it; None for one without content."""
    head = _HEADS.get(name, short)
    if body is None:
        return None
    link = el("a", short, href=f"#{name}")
    return link, el(
        "section", el("h2", head, id=f"{name}-head"), body, id=name, aria_labelledby=f"{name}-head"
    )


def _filter_box() -> Markup:
    return el(
        "label",
        el("span", "Filter", class_="unseen"),
        el("input", type="search", id="filter", placeholder="Filter documents and pairs", autocomplete="off"),
        el("output", id="filter-says", for_="filter"),
        class_="filter only-script",
    )


def _method() -> Markup:
    measures = (
        ("Text", "words in common by word-level alignment: 2 * equal / (left + right)"),
        ("Shingles", "exact Jaccard similarity of the sets of 5-word shingles"),
        ("Structure", "likeness of the sequences of headings, paragraphs, lists and tables"),
        ("Tables", "cells in common once rows and columns are aligned"),
        ("Fields", "fields with the same name and normalised value"),
        ("Alike", "the weighted mean of those that apply: text 0.5, shingles 0.2, the others 0.1 each"),
    )
    rows = [el("div", el("dt", name), el("dd", told)) for name, told in measures]
    note = (
        "A change is a likely artefact where extraction, not an edit, explains it: spacing, hyphenation, running "
        "heads, page numbers, what a format cannot say. Artefacts are counted apart and hidden until asked for."
    )
    return joined(el("dl", rows, class_="method"), el("p", note, class_="note"))
