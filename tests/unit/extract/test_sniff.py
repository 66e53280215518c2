"""Media types by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.sniff import sniff_bytes as sniff
from extract_svc.engine import media_type as types

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"", "a.pdf", types.EMPTY),
        (b"%PDF-1.7\n", "a.txt", types.PDF),
        (b"{\\rtf1 x}", "a.doc", types.RTF),
        (b"<!DOCTYPE html><p>x", "a.txt", types.HTML),
        (b"<?xml version='1.0'?><note/>", "a.txt", types.XML),
        (b"\xef\xbb\xbf<html>", "", types.HTML),
        (b"From: a@b.c\nSubject: x\n\nhi", "mail", types.MAIL),
        (b"From a@b Mon\nFrom: a@b\nTo: c\n\nhi", "", types.MBOX),
        (b"a,b\n1,2\n", "a.csv", types.CSV),
        (b"a,b\n1,2\n", "a.txt", types.TEXT),
        (b"# Title\n", "README.md", types.MARKDOWN),
        (b'{"a": 1}', "", types.JSON),
        (b'{"a": 1}\n{"a": 2}\n', "", types.NDJSON),
        (b"WEBVTT\n\n", "", types.VTT),
        (b"\x1f\x8b\x08", "", types.GZIP),
        (b"BMfp is how this text begins", "a.txt", types.TEXT),
        (b"<copyright notice>\n\nBy using this software", "a.txt", types.TEXT),
        (b"<note>\n<to>x</to>\n</note>", "a", types.XML),
        ("Grüße".encode("cp1252"), "a.txt", types.TEXT),
        ("plain".encode("utf-16"), "a.txt", types.TEXT),
        (bytes(range(256)), "a.txt", types.OCTETS),
    ],
)
def test_content_tells_the_type(data: bytes, name: str, expected: str) -> None:
    """Content decides; the name only where the content is mere text."""
    assert sniff(data, name) == expected


def test_packages_are_told_by_their_parts(make_zip: Callable[..., bytes]) -> None:
    """Zip packages are told apart by what is in them."""
    assert sniff(make_zip({"a.txt": "x"})) == types.ZIP
    assert sniff(make_zip({"mimetype": types.ODT, "content.xml": "<a/>"})) == types.ODT
    assert sniff(make_zip({"mimetype": types.EPUB})) == types.EPUB
    assert sniff(make_zip({"[Content_Types].xml": "spreadsheetml.sheet.main"})) == types.XLSX
    assert sniff(make_zip({"index.apxl": "<a/>"})) == types.KEYNOTE
