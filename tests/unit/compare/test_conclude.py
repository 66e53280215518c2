"""Conclusions: clusters and the baseline's rollup."""

from __future__ import annotations

from compare_svc.engine.compare import compare
from compare_svc.engine.conclude import conclude
from compare_svc.engine.model import Block, BlockKind, Cluster, Document, Family, Options, RollupRow
from compare_svc.engine.plan import AllPairs, Baseline, NearDuplicates, Versions

LONG = "The supplier shall deliver the goods to the buyer within thirty days of the order without fail"


def _document(name: str, *texts: str) -> Document:
    return Document(name, blocks=tuple(Block(text) for text in texts))


def test_near_duplicates_are_clustered_at_the_threshold() -> None:
    """Pairs at or above the plan's threshold are joined, others not; all pairs use the default."""
    left, right, other = (
        _document("a", LONG),
        _document("b", f"{LONG} ever"),
        _document("c", "nothing alike at all here"),
    )
    comparisons = [compare(left, right, Options()), compare(left, other, Options())]
    assert conclude(NearDuplicates(0.9), comparisons).clusters == (Cluster(("a", "b")),)
    assert conclude(NearDuplicates(0.99), comparisons).clusters == ()
    assert conclude(AllPairs(), comparisons).clusters == (Cluster(("a", "b")),)


def test_the_rollup_names_who_changed_which_block() -> None:
    """Blocks of the baseline that changed, in order; insertions within a block count, artefacts do not."""
    base = _document(
        "base", LONG, "Second clause that nobody ever touches.", "Third clause is about payment terms."
    )
    one = _document("one", LONG.replace("thirty", "sixty"), *(block.text for block in base.blocks[1:]))
    two = _document("two", f"{LONG} again", base.blocks[1].text, "Third clause is about payment  terms.")
    foot = Document("foot", blocks=(*base.blocks, Block("Page 1", BlockKind.FOOTER)))
    comparisons = [compare(base, other, Options()) for other in (two, one, foot)]
    concluded = conclude(Baseline(), comparisons, baseline=base)
    assert concluded.rollup == (RollupRow(0, LONG[:200], ("one", "two")),)


def test_what_the_plan_found_is_handed_through() -> None:
    """Families, one-sided paths and the way candidates were found stand in the conclusion."""
    family = Family(("a", "b"), ("date",))
    concluded = conclude(
        Versions(), [], families=[family], left_only=["x"], right_only=["y"], candidates="exact"
    )
    assert concluded.families == (family,)
    assert (concluded.left_only, concluded.right_only, concluded.candidates) == (("x",), ("y",), "exact")
