"""The XML rule: nothing external, nothing expanded."""

from __future__ import annotations

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.xml import parse, texts


@pytest.mark.parametrize(
    "subset",
    [
        '<!ENTITY e SYSTEM "http://127.0.0.1/x">',
        '<!ENTITY e PUBLIC "p" "file:///etc/passwd">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;',
        '<!ENTITY a "1"><!ENTITY e "&a;&a;">',
        '<!ENTITY e "plain">',
    ],
)
def test_entities_that_reach_out_or_expand_fail(subset: str) -> None:
    """Outside, nested and used entities fail, and none is expanded."""
    with pytest.raises(CollatioError) as caught:
        parse(f"<!DOCTYPE r [{subset}]><r>&e;</r>".encode(), doctype_allowed=True)
    assert caught.value.reason is Reason.XML_DTD_FORBIDDEN


def test_a_doctype_may_stand_in_plain_xml() -> None:
    """A DOCTYPE with an outside DTD is neither loaded nor a fault; named characters of HTML are read."""
    root = parse(
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1/r.dtd"><r>a&mdash;b &amp; c</r>', doctype_allowed=True
    )
    assert texts(root) == "a\u2014b & c"


def test_unparsed_entities_are_names() -> None:
    """An NDATA entity names a picture and is no way out."""
    data = b'<!DOCTYPE r [<!ENTITY pic SYSTEM "a.tif" NDATA tif>]><r>x</r>'
    assert texts(parse(data, doctype_allowed=True)) == "x"


def test_any_dtd_fails_in_office_documents() -> None:
    """Where no DOCTYPE belongs, any fails."""
    with pytest.raises(CollatioError) as caught:
        parse(b"<!DOCTYPE r><r/>")
    assert caught.value.reason is Reason.XML_DTD_FORBIDDEN


def test_a_wide_encoding_hides_no_dtd() -> None:
    """UTF-16 is read before it is judged."""
    data = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE r [<!ENTITY e SYSTEM "x">]><r>&e;</r>'
    with pytest.raises(CollatioError):
        parse(data.encode("utf-16"), doctype_allowed=True)


def test_unknown_entities_stay_as_written() -> None:
    """A reference to nothing is text, not an error."""
    assert texts(parse(b"<r>a &nothing; b</r>")) == "a &nothing; b"


def test_no_xml_is_corrupt() -> None:
    """Bytes without an element are a broken document."""
    with pytest.raises(CollatioError) as caught:
        parse(b"plain")
    assert caught.value.reason is Reason.DOCUMENT_CORRUPT
