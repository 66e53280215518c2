"""Fields and metadata: compared by normalised value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from compare_svc.engine.model import ChangeKind, ChangeScope, Document, Field, Metadata
from compare_svc.engine.properties import compare_fields, compare_metadata


def _with(*fields: tuple[str, str]) -> Document:
    return Document("d", fields=tuple(Field(name, raw) for name, raw in fields))


def test_fields_with_the_same_value_do_not_change() -> None:
    """Another way to write an amount or a label's case is no change."""
    left = _with(("Total:", "1,000.00 USD"), ("Due", "3 May 2026"))
    right = _with(("total", "USD 1000"), ("Due", "2026-05-03"))
    assert compare_fields(left, right) == ([], 1.0)


def test_a_changed_field_is_one_change_with_both_values() -> None:
    """The field is told as it stands and normalised on both sides."""
    changes, similarity = compare_fields(
        _with(("Total", "$10"), ("No", "A-1")), _with(("Total", "$12"), ("No", "A-1"))
    )
    (change,) = changes
    assert (change.kind, change.scope) == (ChangeKind.VALUE_CHANGED, ChangeScope.FIELD)
    assert (change.left_value, change.right_value) == ("USD 10", "USD 12")
    assert change.left
    assert change.left.name == "Total"
    assert similarity == 0.5


def test_fields_of_one_name_are_a_multiset() -> None:
    """A second value under the same name is inserted; the order of values does not matter."""
    changes, similarity = compare_fields(
        _with(("Tel", "1"), ("Tel", "2")), _with(("Tel", "2"), ("Tel", "1"), ("Tel", "3"))
    )
    assert [change.kind for change in changes] == [ChangeKind.INSERTED]
    assert similarity == 4 / 5


def test_no_fields_have_no_similarity() -> None:
    """Without fields on either side the figure is unset."""
    assert compare_fields(_with(), _with()) == ([], None)


def test_metadata_changes_are_told_by_property() -> None:
    """Times compare as moments; stated on one side only is an insertion or a deletion."""
    moment = datetime(2026, 5, 3, 12, tzinfo=UTC)
    left = Document("a", metadata=Metadata(title="Offer", author="Eve", create_time=moment))
    same = moment.astimezone(timezone(timedelta(hours=2)))
    right = Document("b", metadata=Metadata(title="Final offer", keywords=("x",), create_time=same))
    told = [
        (change.kind.name, change.left_text, change.right_text) for change in compare_metadata(left, right)
    ]
    assert told == [("DELETED", "Eve", ""), ("INSERTED", "", "x"), ("VALUE_CHANGED", "Offer", "Final offer")]


def test_metadata_between_formats_is_an_artifact() -> None:
    """Each format states its own properties; the differences are told as such."""
    left = Document("a", media_type="text/html", metadata=Metadata(title="A"))
    right = Document("b", media_type="application/pdf", metadata=Metadata(title="B"))
    assert [change.artifact_reason for change in compare_metadata(left, right)] == ["FORMAT"]
