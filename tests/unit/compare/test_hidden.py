"""What a reader does not see at once: where links lead, which pictures stand there."""

from __future__ import annotations

from compare_svc.engine.compare import compare
from compare_svc.engine.model import (
    Block,
    ChangeKind,
    ChangeScope,
    Comparison,
    Document,
    Ignore,
    Link,
    Options,
    Picture,
)

TEXT = "Pay by our portal, or ask the help desk, whichever is open at the time."


def _linked(*links: tuple[str, str], media_type: str = "text/html") -> Document:
    made = tuple(Link(text, uri) for text, uri in links)
    return Document("d", blocks=(Block(TEXT),), media_type=media_type, links=made)


def _told(compared: Comparison) -> list[tuple[str, str, str, str]]:
    places = [(each, each.right or each.left) for each in compared.changes]
    return [(each.kind.name, place.name, each.left_text, each.right_text) for each, place in places if place]


def test_a_link_that_leads_elsewhere_is_a_change() -> None:
    """Two documents that read the same are not the same if one leads to somebody else's portal."""
    left = _linked(("portal", "https://pay.example"), ("help desk", "https://help.example"))
    right = _linked(("portal", "https://pay.evil.example"), ("help desk", "https://help.example"))
    compared = compare(left, right, Options())
    assert _told(compared) == [("VALUE_CHANGED", "portal", "https://pay.example", "https://pay.evil.example")]
    assert compared.counts
    assert compared.counts.values_changed == 1
    ignoring = Options(Ignore(patterns=(r"(evil\.)?example",)))
    assert compare(left, right, ignoring).changes == ()


def test_text_that_is_no_link_any_more_is_told_and_a_link_that_went_with_its_text_is_not() -> None:
    """The text itself tells the latter."""
    left = _linked(("portal", "https://a"), ("fax", "https://b"))
    assert _told(compare(left, _linked(), Options())) == [("DELETED", "portal", "https://a", "")]
    assert _told(compare(_linked(), left, Options())) == [("INSERTED", "portal", "", "https://a")]


def test_formats_differ_in_what_they_call_a_link() -> None:
    """Between them links are not compared."""
    assert (
        compare(_linked(("portal", "https://a")), _linked(media_type="text/markdown"), Options()).changes
        == ()
    )


def test_pictures_are_told_by_what_they_are_made_of() -> None:
    """Another picture in a picture's place, and one that was taken out."""

    def shown(*digests: str) -> Document:
        pictures = tuple(Picture(digest, page=1) for digest in digests)
        return Document("d", blocks=(Block(TEXT),), pictures=pictures)

    changes = compare(shown("a", "b", "c"), shown("a", "x"), Options()).changes
    assert {each.scope for each in changes} == {ChangeScope.PICTURE}
    assert [each.kind for each in changes] == [ChangeKind.VALUE_CHANGED, ChangeKind.DELETED]
    assert [(each.left_value, each.right_value) for each in changes] == [("b", "x"), ("c", "")]
    assert compare(shown("a"), shown("a"), Options()).changes == ()
