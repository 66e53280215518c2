"""What earlier tiles compared is found by what they compared, and never rested on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.blobs.local import LocalBlobs
from collatio.runtime.stores import connect
from collatio.v1 import compare_pb2
from compare_svc.priors import KEPT, Priors, pair_digest

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = (letter * 64 for letter in "abc")


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """A store of this test's own."""
    return LocalBlobs(tmp_path)


@pytest.fixture
def priors(blobs: LocalBlobs, valkey_url: str, tmp_path: Path) -> Priors:
    """What earlier jobs left; `tmp_path` keeps tests apart by its name within `how`."""
    return Priors(connect(valkey_url), blobs)


def _put(blobs: LocalBlobs, *pairs: bytes, changes: int = 1) -> str:
    made = compare_pb2.TileComparisons(
        comparisons=[
            compare_pb2.Comparison(counts=compare_pb2.ChangeCounts(changes=changes + at))
            for at in range(len(pairs))
        ],
        pairs=b"".join(pairs),
    )
    return blobs.put("t", made.SerializeToString())


def test_a_pair_is_found_at_its_node_and_its_relatives(
    priors: Priors, blobs: LocalBlobs, tmp_path: Path
) -> None:
    """A tile that was split or merged since is found; sides, options and tenants are told apart."""
    how = str(tmp_path)
    pair = pair_digest(A, B)
    priors.keep("t", how, "p03", _put(blobs, pair_digest(A, C), pair))
    for node in ("p03", "p0", "p032"):
        assert priors.find("t", how, node, [pair])[pair].counts.changes == 2, node
    assert priors.find("t", how, "p03", [pair_digest(B, A)]) == {}
    assert priors.find("t", f"{how} other", "p03", [pair]) == {}
    assert priors.find("u", how, "p03", [pair]) == {}
    assert priors.find("t", how, "p1", [pair]) == {}


def test_jobs_that_take_turns_find_their_own(priors: Priors, blobs: LocalBlobs, tmp_path: Path) -> None:
    """Several results are pointed at, the latest first; the oldest is forgotten."""
    how = str(tmp_path)
    pairs = [pair_digest(A, str(number)) for number in range(KEPT + 1)]
    for number, pair in enumerate(pairs):
        priors.keep("t", how, "p", _put(blobs, pair, changes=number))
    assert set(priors.find("t", how, "p", pairs)) == set(pairs[1:])


def test_what_is_gone_or_broken_is_not_known(priors: Priors, blobs: LocalBlobs, tmp_path: Path) -> None:
    """A pointer to a lost result, or to none, answers nothing and stops nobody."""
    how = str(tmp_path)
    pair = pair_digest(A, B)
    lost = _put(blobs, pair)
    priors.keep("t", how, "p", lost)
    priors.keep("t", how, "p", blobs.put("t", b"\xff\xff no message"))
    assert pair in priors.find("t", how, "p", [pair])
    blobs.path(BlobId("t", lost)).unlink()
    assert priors.find("t", how, "p", [pair]) == {}
