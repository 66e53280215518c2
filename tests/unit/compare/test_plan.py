"""Plans and tiles: the right pairs, cut into tasks that stay the same under change."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collatio.runtime.errors import CollatioError, Reason
from compare_svc.engine.plan import (
    DOCUMENTS_MAX,
    AllPairs,
    Baseline,
    Entry,
    Explicit,
    Matched,
    NearDuplicates,
    Tile,
    Versions,
    plan,
    plan_pairs,
)


def _entries(count: int, characters: int = 2_000) -> list[Entry]:
    return [
        Entry(
            at,
            f"d{at}",
            f"file:///{at}",
            key=f"k{at}",
            digest=hashlib.sha256(b"%d" % at).hexdigest(),
            character_count=characters,
        )
        for at in range(count)
    ]


def _pairs(tiles: tuple[Tile, ...]) -> list[tuple[int, int]]:
    return sorted(pair for tile in tiles for pair in tile.pairs)


def _digests(entries: list[Entry], tile: Tile) -> frozenset[tuple[str, str]]:
    return frozenset((entries[left].digest, entries[right].digest) for left, right in tile.pairs)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.sampled_from([10, 5_000, 500_000]), st.booleans())
def test_all_pairs_are_planned_once(count: int, characters: int, same: bool) -> None:
    """Every pair stands in exactly one tile, the earlier document left, equal digests or not."""
    entries = _entries(count, characters)
    if same:
        entries = [replace(entry, digest="one") for entry in entries]
    made = plan(entries, AllPairs())
    assert _pairs(made.tiles) == list(combinations(range(count), 2))
    assert made.pair_count == count * (count - 1) // 2


def test_tiles_are_bounded() -> None:
    """No tile holds more documents or more predicted work than its bounds, unless it is a single pair."""
    tiles = plan(_entries(300, 200), AllPairs(), cost_per_tile_s=0.1).tiles
    assert all(len(tile.documents) <= DOCUMENTS_MAX for tile in tiles)
    assert all(tile.cost_s <= 0.1 or len(tile.pairs) == 1 for tile in tiles)
    assert sum(tile.cost_s for tile in tiles) / len(tiles) > 0.02


def test_one_changed_document_changes_only_the_tiles_that_hold_it() -> None:
    """Of 300 documents one is replaced: every other tile is made of the same pairs as before."""
    before = _entries(300)
    after = list(before)
    after[17] = replace(before[17], digest="changed")
    old = {_digests(before, tile) for tile in plan(before, AllPairs()).tiles}
    new = [tile for tile in plan(after, AllPairs()).tiles if _digests(after, tile) not in old]
    assert sum(len(tile.pairs) for tile in new) < 0.2 * 300 * 299 / 2
    gone = old - {_digests(after, tile) for tile in plan(after, AllPairs()).tiles}
    touched = {digest for tile in gone for pair in tile for digest in pair}
    assert before[17].digest in touched


def test_documents_that_few_pairs_link_are_read_by_one_tile() -> None:
    """Groups without a pair between them stay whole and share tiles; a change reruns its group's tile alone."""
    before = _entries(300)
    pairs = [pair for first in range(0, 300, 5) for pair in combinations(range(first, first + 5), 2)]
    tiles = plan_pairs(before, pairs).tiles
    assert _pairs(tiles) == sorted(pairs)
    assert sum(len(tile.documents) for tile in tiles) == 300
    assert 1 < len(tiles) < 30
    after = list(before)
    after[17] = replace(before[17], digest="changed")
    old = {_digests(before, tile) for tile in tiles}
    new = [tile for tile in plan_pairs(after, pairs).tiles if _digests(after, tile) not in old]
    assert len(new) <= 2


def test_tiles_do_not_depend_on_the_documents_order_beyond_their_sides() -> None:
    """The same documents in another order make the same tiles; only which side is left may differ."""
    entries = _entries(80)
    turned = list(reversed(entries))

    def unordered(listed: list[Entry]) -> set[frozenset[frozenset[str]]]:
        return {
            frozenset(frozenset(pair) for pair in _digests(listed, tile))
            for tile in plan(listed, AllPairs()).tiles
        }

    assert unordered(entries) == unordered(turned)


def test_the_baseline_is_left_and_not_compared_with_itself() -> None:
    """The baseline meets each other document once; the same document among the sources is left out."""
    entries = _entries(6)
    entries[2] = replace(entries[2], baseline=True)
    entries[4] = replace(entries[4], uri=entries[2].uri)
    assert _pairs(plan(entries, Baseline()).tiles) == [(2, 0), (2, 1), (2, 3), (2, 5)]


@pytest.mark.parametrize("marked", [(), (0, 1)])
def test_there_is_exactly_one_baseline(marked: tuple[int, ...]) -> None:
    """None or two are the caller's fault."""
    entries = [replace(entry, baseline=entry.index in marked) for entry in _entries(3)]
    with pytest.raises(CollatioError) as caught:
        plan(entries, Baseline())
    assert caught.value.reason is Reason.INVALID_REQUEST


def test_explicit_pairs_are_found_by_key_or_uri() -> None:
    """Names are keys first, then URIs; a pair asked twice is compared once."""
    made = plan(_entries(4), Explicit((("k0", "file:///3"), ("k2", "k1"), ("k0", "k3"))))
    assert _pairs(made.tiles) == [(0, 3), (2, 1)]


def test_pairs_of_failed_documents_are_skipped_by_name() -> None:
    """A document that failed takes its pairs with it, not the plan."""
    made = plan(_entries(2), Explicit((("k0", "lost"), ("k0", "k1")), absent=frozenset({"lost"})))
    assert made.skipped == (("k0", "lost"),)
    assert made.pair_count == 1


@pytest.mark.parametrize("name", ["unknown", "", "twice"])
def test_a_name_without_exactly_one_document_is_refused(name: str) -> None:
    """The violation names the field of the pair."""
    entries = [*_entries(2), Entry(2, "x", key="twice"), Entry(3, "y", key="twice")]
    with pytest.raises(CollatioError) as caught:
        plan(entries, Explicit((("k0", "k1"), ("k0", name))))
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert caught.value.violations[0].field == "spec.explicit.pairs[1].right"


def test_matched_trees_pair_by_path_and_name_what_is_alone() -> None:
    """Like diff -r: pairs by relative path, and both sides' leftovers, sorted."""
    entries = [
        Entry(0, "a", key="l", relative_path="x/1"),
        Entry(1, "b", key="l", relative_path="only/left"),
        Entry(2, "c", key="r", relative_path="zzz"),
        Entry(3, "d", key="r", relative_path="x/1"),
        Entry(4, "e", key="r", relative_path="aaa"),
    ]
    made = plan(entries, Matched("l", "r"))
    assert _pairs(made.tiles) == [(0, 3)]
    assert (made.left_only, made.right_only) == (("only/left",), ("aaa", "zzz"))


def test_too_many_pairs_are_refused_with_the_count() -> None:
    """The message says how many there would be; nothing is built first."""
    with pytest.raises(CollatioError) as caught:
        plan(_entries(1_000), AllPairs(), max_pairs=10)
    assert caught.value.reason is Reason.TOO_MANY_PAIRS
    assert "499,500" in caught.value.message
    with pytest.raises(CollatioError):
        plan_pairs(_entries(3), [(0, 1), (1, 2)], max_pairs=1)


@pytest.mark.parametrize("spec", [Versions(), NearDuplicates()])
def test_plans_over_texts_are_not_made_from_the_manifest(spec: Versions | NearDuplicates) -> None:
    """They need sketches; asking here is a fault that says so."""
    with pytest.raises(CollatioError):
        plan(_entries(2), spec)
