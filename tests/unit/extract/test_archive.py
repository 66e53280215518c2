"""Counting what inflates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.archive import Budget, Package, resolve
from extract_svc.engine.model import Limits

if TYPE_CHECKING:
    from collections.abc import Callable


def test_parts_are_found_whatever_their_case(make_zip: Callable[..., bytes]) -> None:
    """Packages whose names differ in case or slash read alike."""
    package = Package(make_zip({"Word\\Document.xml": "x"}), Limits())
    assert package.read("word/document.xml") == b"x"
    assert package.read("absent") == b""


def test_a_bomb_fails_while_it_inflates(make_zip: Callable[..., bytes]) -> None:
    """The byte limit is counted on what comes out, not believed from the header."""
    package = Package(make_zip({"a": b"\0" * 3_000_000}), Limits(max_inflated_bytes=1_000_000))
    with pytest.raises(CollatioError) as caught:
        package.read("a")
    assert caught.value.reason is Reason.DECOMPRESSION_LIMIT


def test_the_ratio_fails_past_the_first_mebibytes() -> None:
    """A document that inflates a hundredfold fails, a small part that packs well does not."""
    budget = Budget(Limits(), packed_bytes=10_000)
    budget.spend(2_000_000)
    with pytest.raises(CollatioError):
        budget.spend(10_000_000)


def test_too_many_entries_fail(make_zip: Callable[..., bytes]) -> None:
    """The number of entries is limited."""
    with pytest.raises(CollatioError) as caught:
        Package(make_zip({str(n): "" for n in range(11)}), Limits(max_entries=10))
    assert caught.value.reason is Reason.DECOMPRESSION_LIMIT


def test_no_zip_is_corrupt() -> None:
    """Bytes that are no zip are a broken document."""
    with pytest.raises(CollatioError) as caught:
        Package(b"PK\x03\x04 broken", Limits())
    assert caught.value.reason is Reason.DOCUMENT_CORRUPT


def test_targets_resolve_beside_their_part() -> None:
    """Relationship targets are seen from their part, or from the root."""
    assert resolve("word/document.xml", "../media/a.png") == "media/a.png"
    assert resolve("word/document.xml", "/xl/b.xml") == "xl/b.xml"
