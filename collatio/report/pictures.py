"""Draw clusters of near-duplicates and chains of versions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from collatio.report.figures import counted, percent
from collatio.report.markup import Markup, el, joined
from collatio.report.names import cut_middle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from collatio.report.model import Account, Family, Pair
    from collatio.report.names import Names

CLUSTERS_MAX = 24
FAMILIES_MAX = 40
_NODES_MAX = 24
_RING_PX = 64
_CENTRE_PX = 84
_NAME_AT_PX, _STEP_PX = 34, 300
_LETTER_PX = 7.8


def pairs_by_documents(account: Account) -> dict[tuple[int, int], Pair]:
    """Index the compared pairs by their documents, the lower index first."""
    return {
        (min(pair.left, pair.right), max(pair.left, pair.right)): pair
        for pair in account.pairs
        if pair.compared
    }


def clusters(account: Account, names: Names) -> Markup | None:
    """Draw the clusters, largest first; None where there are none."""
    found = account.conclusion.clusters
    if not found:
        return None
    known = pairs_by_documents(account)
    cards = [
        _cluster(members, number, known, names) for number, members in enumerate(found[:CLUSTERS_MAX], 1)
    ]
    more = len(found) - len(cards)
    note = f"{counted(more, 'further cluster')} in clusters.json." if more > 0 else None
    return joined(el("div", cards, class_="cards"), el("p", note, class_="note") if note else None)


def _cluster(
    members: Sequence[int], number: int, known: Mapping[tuple[int, int], Pair], names: Names
) -> Markup:
    drawn = members[:_NODES_MAX]
    rest = len(members) - len(drawn)
    names_list = [el("li", names.mark_up(each)) for each in drawn]
    if rest:
        names_list.append(el("li", f"and {rest:,} more", class_="rest"))
    return el(
        "article",
        el("h3", f"Cluster {number}", el("small", counted(len(members), "document"))),
        el("div", _ring(drawn, known), el("ol", names_list), class_="ring-and-names"),
        class_="card",
        data_f=True,
    )


def _ring(members: Sequence[int], known: Mapping[tuple[int, int], Pair]) -> Markup:
    """Draw documents on a ring, a line between two that were compared, the stronger the more alike."""
    count = len(members)
    spots = [_spot(at, count) for at in range(count)]
    lines = []
    for a in range(count):
        for b in range(a + 1, count):
            low, high = sorted((members[a], members[b]))
            pair = known.get((low, high))
            if pair is not None:
                strength = min(9, max(0, int(pair.similarity.get("shingles", pair.overall) * 10)))
                (x1, y1), (x2, y2) = spots[a], spots[b]
                lines.append(el("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=f"edge e{strength}"))
    nodes = [
        joined(
            el("circle", cx=x, cy=y, r=9, class_="node"),
            el("text", str(at), x=x, y=y + 3.5, class_="node-n"),
        )
        for at, (x, y) in enumerate(spots, 1)
    ]
    size = 2 * _CENTRE_PX
    top, height = (_CENTRE_PX - 16, 32) if count == 2 else (0, size)
    return el(
        "svg",
        lines,
        nodes,
        class_="ring",
        viewBox=f"0 {top} {size} {height}",
        width=size,
        height=height,
        role="img",
        aria_label=f"{count} documents and how alike they are",
    )


def _spot(at: int, count: int) -> tuple[float, float]:
    angle = 2 * math.pi * at / count - math.pi / 2
    if count == 2:
        angle = math.pi * (1 - at)
    return (
        round(_CENTRE_PX + _RING_PX * math.cos(angle), 1),
        round(_CENTRE_PX + _RING_PX * math.sin(angle), 1),
    )


def families(account: Account, names: Names, linked: Mapping[int, str]) -> Markup | None:
    """Draw the families of versions, oldest first; None where there are none."""
    found = account.conclusion.families
    if not found:
        return None
    known = pairs_by_documents(account)
    cards = [
        el(
            "article",
            el("h3", f"Family {number}", el("small", counted(len(family.members), "version"))),
            el("div", _chain(family, known, names, linked), class_="scroll"),
            class_="card",
            data_f=True,
        )
        for number, family in enumerate(found[:FAMILIES_MAX], 1)
    ]
    more = len(found) - len(cards)
    note = f"{counted(more, 'further family', 'further families')} in families.json." if more > 0 else None
    return joined(el("div", cards, class_="cards wide"), el("p", note, class_="note") if note else None)


def _chain(
    family: Family, known: Mapping[tuple[int, int], Pair], names: Names, linked: Mapping[int, str]
) -> Markup:
    """Draw versions down a line: the further apart two dots, the less alike the versions."""
    parts: list[Markup] = []
    y, width = 16.0, _STEP_PX
    for at, member in enumerate(family.members):
        if at:
            low, high = sorted((family.members[at - 1], member))
            pair = known.get((low, high))
            length = 44 + 40 * (1 - pair.overall if pair is not None else 0.5)
            evidence = family.evidence[at - 1] if at <= len(family.evidence) else ""
            parts += _step(y, length, pair, evidence, linked)
            y += round(length, 1)
        name = cut_middle(names.path(member), 64)
        width = max(width, _NAME_AT_PX + _width_px(name))
        parts += [
            el("circle", cx=16, cy=y, r=7, class_="node"),
            el("text", el("title", names.path(member)), name, x=_NAME_AT_PX, y=y + 4.5, class_="version"),
        ]
        y = round(y, 1)
    height = round(y + 16)
    return el(
        "svg",
        parts,
        class_="chain",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label="Versions, oldest first",
    )


def _width_px(text: str) -> int:
    """Estimate how wide a name is drawn; letters of East Asian scripts are twice as wide as others."""
    return math.ceil(sum(_LETTER_PX * (1 + (east_asian_width(letter) in "WF")) for letter in text))


def _step(
    y: float, length: float, pair: Pair | None, evidence: str, linked: Mapping[int, str]
) -> Iterator[Markup]:
    yield el("line", x1=16, y1=round(y + 7, 1), x2=16, y2=round(y + length - 7, 1), class_="step")
    words = []
    if pair is not None:
        words += [f"{percent(pair.overall)} alike", counted(pair.edits, "change")]
    if evidence:
        words.append(f"order by {evidence}")
    text = el("text", " · ".join(words), x=_NAME_AT_PX, y=round(y + length / 2 + 4, 1), class_="between")
    href = linked.get(pair.index) if pair is not None else None
    yield el("a", text, href=href) if href else text
