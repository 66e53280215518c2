"""Write the long lists: documents, pairs, and the blocks of a baseline with those who changed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.report.closest import by_likeness, closest_pairs
from collatio.report.figures import bar, counted, percent
from collatio.report.markup import Markup, el, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collatio.report.model import Account, Document, Pair
    from collatio.report.names import Names

DOCUMENTS_MAX = 2_000
PAIRS_MAX = 500
ROLLUP_MAX = 300
ROLLUP_TEXT = 200
"""Where the contract cuts a rollup's text, in code points."""
_NAMES_MAX = 50
_KINDS = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
    "text/html": "HTML",
    "text/markdown": "Markdown",
    "text/plain": "text",
    "text/csv": "CSV",
}


def documents(account: Account, names: Names, links: Mapping[int, str]) -> Markup:
    """List the documents, each with its closest other."""
    closest = closest_pairs(account)
    rows = [
        _document(each, closest.get(each.index), names, links) for each in account.documents[:DOCUMENTS_MAX]
    ]
    heads = ("Document", "Kind", "Pages", "Words", "Closest other", "Alike", "Changes", "Notes")
    return joined(
        _table(heads, rows, numeric={2, 3, 6}),
        _more(len(account.documents) - len(rows), "document", "summary.csv"),
    )


def _document(document: Document, pair: Pair | None, names: Names, links: Mapping[int, str]) -> Markup:
    other = alike = changes = None
    if pair is not None:
        other = names.mark_up(pair.right if pair.left == document.index else pair.left)
        alike = joined(bar(pair.overall), " ", percent(pair.overall))
        changes = _linked(f"{pair.edits:,}", links.get(pair.index))
    notes = joined(
        el("code", document.failure.reason, title=document.failure.message) if document.failure else None,
        (el("code", code, title=message) for code, message in document.warnings),
    )
    return el(
        "tr",
        el("td", names.mark_up(document.index)),
        el("td", _KINDS.get(document.media_type, document.media_type.rpartition("/")[2])),
        el("td", f"{document.pages:,}" if document.pages else None, class_="n"),
        el("td", f"{document.words:,}" if document.failure is None else None, class_="n"),
        el("td", other),
        el("td", alike, class_="alike"),
        el("td", changes, class_="n"),
        el("td", notes),
        data_f=True,
    )


def pairs(account: Account, names: Names, links: Mapping[int, str]) -> Markup | None:
    """List the pairs, the most alike first; None where none was compared."""
    ranked = by_likeness(account.pairs)
    if not ranked:
        return None
    rows = [_pair(pair, names, links.get(pair.index)) for pair in ranked[:PAIRS_MAX]]
    heads = (
        "Left",
        "Right",
        "Alike",
        "Words \N{MINUS SIGN}",
        "Words +",
        "Moved",
        "Cells",
        "Values",
        "Changes",
        "Artefacts",
    )
    return joined(
        _table(heads, rows, numeric={3, 4, 5, 6, 7, 8, 9}),
        _more(len(ranked) - len(rows), "pair", "comparisons.jsonl"),
    )


def _pair(pair: Pair, names: Names, link: str | None) -> Markup:
    counts = pair.counts
    figures = (
        counts.get("wordsDeleted", 0),
        counts.get("wordsInserted", 0),
        counts.get("blocksMoved", 0),
        counts.get("cellsChanged", 0),
        counts.get("valuesChanged", 0),
    )
    parts = " · ".join(f"{name} {percent(value)}" for name, value in pair.similarity.items())
    return el(
        "tr",
        el("td", names.mark_up(pair.left)),
        el("td", names.mark_up(pair.right)),
        el("td", bar(pair.overall), " ", percent(pair.overall), class_="alike", title=parts),
        (el("td", f"{figure:,}" if figure else "·", class_="n" if figure else "n nil") for figure in figures),
        el("td", _linked(f"{pair.edits:,}", link), class_="n"),
        el("td", f"{counts.get('likelyArtifacts', 0):,}", class_="n nil"),
        data_f=True,
    )


def rollup(account: Account, names: Names) -> Markup | None:
    """List the baseline's changed blocks, in their order, with those who changed each; None without any."""
    found = account.conclusion.rollup
    if not found:
        return None
    others = max(1, len({at for row in found for at in row.documents}))
    rows = []
    for row in found[:ROLLUP_MAX]:
        who = [el("li", names.mark_up(at)) for at in row.documents[:_NAMES_MAX]]
        if len(row.documents) > _NAMES_MAX:
            who.append(el("li", f"and {len(row.documents) - _NAMES_MAX:,} more", class_="rest"))
        summary = el(
            "summary", bar(len(row.documents) / others), " ", counted(len(row.documents), "document")
        )
        rows.append(
            el(
                "tr",
                el("td", f"{row.block + 1:,}", class_="n"),
                el(
                    "td",
                    el(
                        "p",
                        row.text + ("…" if len(row.text) >= ROLLUP_TEXT else ""),
                        class_="quote",
                        dir="auto",
                    ),
                ),
                el("td", el("details", summary, el("ul", who, class_="plain"))),
                data_f=True,
            )
        )
    return joined(
        _table(("Block", "The baseline says", "Changed by"), rows, numeric={0}),
        _more(len(found) - len(rows), "block", "rollup.csv"),
    )


def _linked(text: str, link: str | None) -> Markup:
    return el("a", text, href=link) if link else joined(text)


def _table(heads: Iterable[str], rows: Iterable[Markup], *, numeric: set[int]) -> Markup:
    head = (
        el("th", text, scope="col", class_="n" if at in numeric else None) for at, text in enumerate(heads)
    )
    table = el("table", el("thead", el("tr", head)), el("tbody", rows), class_="list")
    return el("div", table, class_="scroll")


def _more(count: int, noun: str, file: str) -> Markup | None:
    return el("p", f"{counted(count, 'more ' + noun)} in {file}.", class_="note") if count > 0 else None
