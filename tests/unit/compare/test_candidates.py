"""Near-duplicates: exact below the bound, nearly so beyond, and clustered."""

from __future__ import annotations

import random

import pytest

from collatio.runtime.errors import CollatioError, Reason
from compare_svc.engine.candidates import bands, find_candidates, find_near_duplicates
from compare_svc.engine.clusters import find_clusters
from compare_svc.engine.compare import compare
from compare_svc.engine.model import Block, Document, Ignore, Options
from compare_svc.engine.shingles import jaccard
from compare_svc.engine.sketch import Sketch, sketch, sketch_batch


def _texts(count: int, seed: int = 3) -> list[str]:
    """Make texts of which some are copies with a few words changed."""
    draw = random.Random(seed)
    texts = []
    for _ in range(count):
        if texts and draw.random() < 0.4:
            words = draw.choice(texts).split()
            for _ in range(draw.randrange(12)):
                words[draw.randrange(len(words))] = f"new{draw.randrange(999)}"
        else:
            words = [f"w{draw.randrange(800)}" for _ in range(draw.randrange(20, 300))]
        texts.append(" ".join(words))
    return texts


def _sketches(texts: list[str]) -> list[Sketch]:
    return list(sketch_batch(Document(str(at), blocks=(Block(text),)) for at, text in enumerate(texts)))


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8, 1.0])
def test_exact_candidates_are_those_of_brute_force(threshold: float) -> None:
    """Every pair at or above the threshold, none below, each with its exact value."""
    sketches = _sketches(_texts(60))
    expected = {
        (a, b): value
        for b in range(60)
        for a in range(b)
        if (value := jaccard(sketches[a].shingles, sketches[b].shingles) or 0.0) >= threshold
    }
    found = find_candidates(sketches, threshold, 10_000)
    assert found.method == "exact"
    assert {(pair.left, pair.right): pair.jaccard for pair in found.pairs} == pytest.approx(expected)


def test_minhash_finds_what_the_exact_way_finds() -> None:
    """Beyond the bound the way changes and is said; what it finds is exact, and next to nothing is missed."""
    sketches = _sketches(_texts(400))
    exact = find_candidates(sketches, 0.8, 10_000)
    found = find_candidates(sketches, 0.8, 10_000, exact_documents_max=10)
    assert found.method == "minhash"
    assert found.pairs == exact.pairs


@pytest.mark.parametrize("threshold", [0.1, 0.4, 0.8, 0.95, 1.0])
def test_bands_promise_their_recall(threshold: float) -> None:
    """A pair at the threshold is missed at most once in twenty thousand, where the hashes allow it."""
    count, rows = bands(threshold)
    assert (1 - threshold**rows) ** count <= 1 / 19_000
    assert count * rows <= 512


def test_documents_without_words_are_like_nothing() -> None:
    """Two empty documents are no near-duplicates."""
    assert find_candidates(_sketches(["", "", "---"]), 0.5, 10).pairs == ()
    assert find_candidates([], 0.5, 10).pairs == ()


def test_too_many_candidates_are_refused() -> None:
    """Copies of one text make too many pairs; it is said before all are found."""
    with pytest.raises(CollatioError) as caught:
        find_candidates(_sketches(["one two three four five six"] * 30), 0.8, 100)
    assert caught.value.reason is Reason.TOO_MANY_PAIRS


def test_clusters_join_what_is_linked() -> None:
    """Members sorted, the largest cluster first."""
    clusters = find_clusters([("x", "y"), ("b", "a"), ("c", "b")])
    assert [cluster.document_ids for cluster in clusters] == [("a", "b", "c"), ("x", "y")]


def test_a_sketch_survives_as_bytes() -> None:
    """What is kept between runs reads back the same, under another document's id."""
    made = sketch(
        Document("a", blocks=(Block("The Offer\nVersion 1.3c, 3 May 2026"), Block("some words more here")))
    )
    back = Sketch.from_bytes("b", made.to_bytes())
    assert (back.document_id, back.title, back.date, back.version, back.words) == (
        "b",
        made.title,
        "2026-05-03",
        ((1, ""), (3, "c")),
        made.words,
    )
    assert (back.shingles == made.shingles).all()


def test_broken_bytes_are_no_sketch() -> None:
    """What cannot be read is a loss with a reason, not a crash."""
    with pytest.raises(CollatioError) as caught:
        Sketch.from_bytes("b", b"nonsense")
    assert caught.value.reason is Reason.EXTRACTION_LOST


def test_what_is_ignored_is_not_sketched() -> None:
    """Patterns are taken out before shingles are made."""
    texts = ["name ALICE signs here today again", "name BOB signs here today again"]
    first, second = sketch_batch(
        (Document(text, blocks=(Block(text),)) for text in texts), Ignore(patterns=("ALICE|BOB",))
    )
    assert jaccard(first.shingles, second.shingles) == 1.0


def test_sources_count_between_documents_that_keep_theirs() -> None:
    """Two texts with marks of their own are as alike as their sources, others as their blocks; a sketch keeps both."""
    words = " ".join(f"w{at}" for at in range(40))
    marked = words.replace("w20", "w20 (https://one.example/a/b/c)")
    documents = [
        Document("0", blocks=(Block(words),), source_text=marked),
        Document(
            "1", blocks=(Block(words),), source_text=marked.replace("one.example/a/b/c", "two.example/d/e/f")
        ),
        Document("2", blocks=(Block(words),)),
    ]
    sketches = [Sketch.from_bytes(one.document_id, one.to_bytes()) for one in sketch_batch(documents)]
    found = {(pair.left, pair.right): pair.jaccard for pair in find_near_duplicates(sketches, 0.3, 10).pairs}
    assert found[0, 2] == found[1, 2] == 1.0
    first, second = (sketch.source for sketch in sketches[:2])
    assert first is not None
    assert second is not None
    assert found[0, 1] == jaccard(first, second)
    assert found[0, 1] < 0.8
    assert {(pair.left, pair.right) for pair in find_near_duplicates(sketches, 0.8, 10).pairs} == {
        (0, 2),
        (1, 2),
    }
    shingles = [
        compare(a, b, Options()).similarity
        for a, b in ((documents[0], documents[1]), (documents[0], documents[2]))
    ]
    assert [one and one.shingles for one in shingles] == [found[0, 1], 1.0]
