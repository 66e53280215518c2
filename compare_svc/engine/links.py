"""Decides which documents are versions of one document.

Rules:
1. Two documents are linked by what they say (Jaccard similarity of shingles at or above the threshold) and by
   what they are called: a document that was rewritten keeps its title. The more of their titles agrees, the
   less common text is enough, down to a twentieth; less still where both state different version numbers.
2. Two groups that each hold several documents under a title of their own, over the same span of time or of
   version numbers, are two documents with text in common: they are not joined, however much that is.

Links are taken strongest first: same title, then text, then a similar title. So the groups of rule 2 have
formed by the time that a link between them comes up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

from compare_svc.engine.candidates import Candidate, find_candidates
from compare_svc.engine.shingles import common

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from compare_svc.engine.sketch import Sketch

Point = TypeVar("Point", str, tuple[tuple[int, str], ...])

SAME_TITLE_WORDS_MIN = 2
JACCARD_MIN = 0.05
SIMILAR_TITLE_MIN = 0.4
CONTAINED_TITLE_MIN = 0.6
CONTAINED_MIN = 0.25
NUMBERED_TITLE_MIN = 0.75
NUMBERED_TITLE_WORDS_MIN = 3
NUMBERED_JACCARD_MIN = 0.01
TITLE_GROUP_MAX = 300
ESTABLISHED_MIN = 2


@dataclass(slots=True)
class Group:
    """Documents found to be versions of one another so far, by position in the sketches."""

    members: list[int]
    titles: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def established(self) -> set[tuple[str, ...]]:
        """Give the titles that several members bear."""
        return {title for title, count in self.titles.items() if count >= ESTABLISHED_MIN}


def link(sketches: Sequence[Sketch], threshold: float, max_pairs: int) -> tuple[list[list[int]], str]:
    """Group documents into families of two and more, by position, and say how candidates were found.

    Errors: TOO_MANY_PAIRS when more than `max_pairs` pairs reach the threshold.
    """
    alike = find_candidates(sketches, threshold, max_pairs)
    known = {(pair.left, pair.right): pair.jaccard for pair in alike.pairs}
    known |= {(pair.left, pair.right): pair.jaccard for pair in _by_title(sketches, known, threshold)}
    groups = [Group([at], Counter([entry.title] if entry.title else [])) for at, entry in enumerate(sketches)]
    ranked = sorted(
        (_tier(sketches[left], sketches[right]), -value, left, right)
        for (left, right), value in known.items()
    )
    for _, _, left, right in ranked:
        first, second = groups[left], groups[right]
        if first is not second and not _parallel(sketches, first, second):
            first.members.extend(second.members)
            first.titles.update(second.titles)
            for at in second.members:
                groups[at] = first
    distinct = {id(group): sorted(group.members) for group in groups}
    return sorted(members for members in distinct.values() if len(members) > 1), alike.method


def _tier(left: Sketch, right: Sketch) -> int:
    return 0 if left.title == right.title and len(left.title) >= SAME_TITLE_WORDS_MIN else 1


def _by_title(
    sketches: Sequence[Sketch], known: Mapping[tuple[int, int], float], threshold: float
) -> Iterator[Candidate]:
    """Yield pairs that share less text than the threshold asks, and a title."""
    for left, right in _title_pairs(sketches):
        if (left, right) in known:
            continue
        first, second = sketches[left], sketches[right]
        small = min(first.shingles.size, second.shingles.size)
        if not small:
            continue
        shared = common(first.shingles, second.shingles)
        value = shared / (first.shingles.size + second.shingles.size - shared)
        if _same_document(first, second, value, shared / small, threshold):
            yield Candidate(left, right, value)


def _same_document(left: Sketch, right: Sketch, jaccard: float, contained: float, threshold: float) -> bool:
    titles = title_likeness(left.title, right.title)
    words = min(len(left.title), len(right.title))
    if titles >= NUMBERED_TITLE_MIN and words >= NUMBERED_TITLE_WORDS_MIN:
        numbered = bool(left.version and right.version) and left.version != right.version
        if numbered and jaccard >= NUMBERED_JACCARD_MIN:
            return True
    if titles >= CONTAINED_TITLE_MIN and contained >= CONTAINED_MIN:
        return True
    return jaccard >= max(JACCARD_MIN, threshold * (1 - titles))


def _title_pairs(sketches: Sequence[Sketch]) -> Iterator[tuple[int, int]]:
    """Yield pairs of documents whose titles are much alike; titles that a crowd bears say nothing."""
    bearers: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, entry in enumerate(sketches):
        if len(entry.title) >= SAME_TITLE_WORDS_MIN:
            bearers[entry.title].append(at)
    for title in [title for title, group in bearers.items() if len(group) > TITLE_GROUP_MAX]:
        del bearers[title]
    for group in bearers.values():
        yield from combinations(group, 2)
    for first, second in _similar_titles(list(bearers)):
        if len(bearers[first]) + len(bearers[second]) <= TITLE_GROUP_MAX:
            yield from (
                (min(pair), max(pair)) for pair in ((a, b) for a in bearers[first] for b in bearers[second])
            )


def _similar_titles(titles: Sequence[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for at, title in enumerate(titles):
        candidates: Counter[int] = Counter()
        for word in title:
            if len(holders[word]) <= TITLE_GROUP_MAX:
                candidates.update(holders[word])
            holders[word].append(at)
        for other in candidates:
            if title_likeness(titles[other], title) >= SIMILAR_TITLE_MIN:
                yield titles[other], title


def title_likeness(left: Iterable[str], right: Iterable[str]) -> float:
    """Measure the Jaccard similarity of two titles' words; 0 without a title."""
    first, second = set(left), set(right)
    return len(first & second) / len(first | second) if first and second else 0.0


def _parallel(sketches: Sequence[Sketch], left: Group, right: Group) -> bool:
    """Tell whether two groups lived side by side under titles of their own."""
    first, second = left.established(), right.established()
    if not first or not second or first & second:
        return False
    named = [
        [sketches[at] for at in group.members if sketches[at].title in titles]
        for group, titles in ((left, first), (right, second))
    ]
    dates = [sorted({entry.date[:10] for entry in side if entry.date}) for side in named]
    versions = [sorted({entry.version for entry in side if entry.version}) for side in named]
    return _overlap(*dates) or _overlap(*versions)


def _overlap(left: list[Point], right: list[Point]) -> bool:
    """Tell whether two spans, each of two points at least, have more than an end in common."""
    if len(left) < ESTABLISHED_MIN or len(right) < ESTABLISHED_MIN:
        return False
    return max(left[0], right[0]) < min(left[-1], right[-1])
