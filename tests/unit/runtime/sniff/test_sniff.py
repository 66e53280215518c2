"""A document's media type is told by its content."""

from __future__ import annotations

import io
import json
import struct
import time
import zipfile
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from pathlib import Path

OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."


def told(data: bytes, name: str = "", *, claimed: str | None = None, look: bool = True) -> str:
    """Sniff whole bytes."""
    read_at = (lambda offset, count: data[max(offset, 0) : offset + count]) if look else None
    return sniff(data[:HEAD_BYTES], size=len(data), name=name, claimed=claimed, read_at=read_at)


def zipped(*names: str, padding: int = 0, stored: dict[str, bytes] | None = None) -> bytes:
    """Return a zip with these members; padding comes first and pushes the others out of sight."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, data in (stored or {}).items():
            package.writestr(name, data)
        if padding:
            package.writestr("thumbnail.jpeg", b"\xff" * padding)
        for name in names:
            package.writestr(name, b"<x/>")
    return buffer.getvalue()


def compound(stream: str) -> bytes:
    """Return a compound file whose directory, in its third sector, holds a stream."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, 2)
    struct.pack_into("<109I", header, 76, 0, *([0xFFFFFFFF] * 108))
    table = struct.pack("<128I", 0xFFFFFFFD, 0xFFFFFFFF, 3, 0xFFFFFFFE, *([0xFFFFFFFF] * 124))
    directory = b"".join(_directory_entry(name) for name in ("Root Entry", "a", "b", "c", stream, "", "", ""))
    return bytes(header) + table + bytes(512) + directory


def _directory_entry(name: str) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    return raw.ljust(64, b"\0") + struct.pack("<H", len(raw) if name else 0) + bytes(62)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\xef\xbb\xbf%PDF-1.4", "application/pdf"),
        (b"junk before\r\n%PDF-1.4\r\n", "application/pdf"),
        (b"{\\rtf1\\ansi hello}", "application/rtf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"II*\x00", "image/tiff"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"BM" + bytes(8) + b"\x36\x00\x00\x00\x28\x00\x00\x00", "image/bmp"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"BZh91AY&SY", "application/x-bzip2"),
        (b"\xfd7zXZ\x00", "application/x-xz"),
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\x01\x00", "application/vnd.rar"),
        (b"", "application/x-empty"),
        (b"\x00\x01\x02\x03\xfe\xfd" * 9, "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("name", ["", "x.txt", "x.docx"])
def test_binary_formats_are_told_by_their_bytes(data: bytes, media_type: str, name: str) -> None:
    """A wrong name changes nothing about a binary format."""
    assert told(data, name) == media_type


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (zipped("[Content_Types].xml", "word/document.xml"), OOXML + "wordprocessingml.document"),
        (zipped("[Content_Types].xml", "xl/workbook.xml", padding=300_000), OOXML + "spreadsheetml.sheet"),
        (zipped("ppt/presentation.xml", padding=9_000), OOXML + "presentationml.presentation"),
        (zipped("xl/workbook.bin"), "application/vnd.ms-excel.sheet.binary.macroenabled.12"),
        (zipped(stored={"mimetype": (ODF + "text").encode()}), ODF + "text"),
        (zipped(stored={"mimetype": b"application/epub+zip"}), "application/epub+zip"),
        (zipped("META-INF/container.xml"), "application/epub+zip"),
        (zipped("Index/Document.iwa", "Index/Slide.iwa"), "application/vnd.apple.keynote"),
        (zipped("readme.txt"), "application/zip"),
        (zipped(), "application/zip"),
        (compound("WordDocument"), "application/msword"),
        (compound("WORKBOOK"), "application/vnd.ms-excel"),
        (compound("PowerPoint Document"), "application/vnd.ms-powerpoint"),
        (compound("__properties_version1.0"), "application/vnd.ms-outlook"),
        (compound("EncryptedPackage"), "application/x-ooxml-encrypted"),
        (compound("Something"), "application/x-ole-storage"),
    ],
)
def test_containers_are_told_by_what_is_in_them(data: bytes, media_type: str) -> None:
    """The central directory or the stream names decide, however far from the start they lie."""
    assert told(data, "x.pdf") == media_type


def test_a_container_out_of_reach_is_told_by_its_start_or_name() -> None:
    """When only the start is at hand, local headers are asked, and at last the name."""
    assert told(zipped("word/document.xml"), look=False) == OOXML + "wordprocessingml.document"
    assert told(compound("WordDocument")[:600], "x.doc", look=False) == "application/msword"


@pytest.mark.parametrize(
    ("text", "name", "media_type"),
    [
        ("<!DOCTYPE html><p>", "x.md", "text/html"),
        ("<!-- c --><html>", "", "text/html"),
        ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "x.xml", "text/html"),
        ("<p align=center>Hi</p>", "README.md", "text/markdown"),
        ("<p align=center>Hi</p>", "", "text/html"),
        ("Hello <b>you</b>", "x.html", "text/html"),
        ("Hello", "x.html", "text/plain"),
        ('<?xml version="1.0"?><a/>', "x.txt", "application/xml"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "", "image/svg+xml"),
        ('{"a": [1, 2]}', "x.txt", "application/json"),
        ('{"a": 1}\n{"a": 2}\n', "x.txt", "application/x-ndjson"),
        ('{"cells": []}', "x.ipynb", "application/x-ipynb+json"),
        ("[1] A note.", "x.txt", "text/plain"),
        ("# Title", "x.md", "text/markdown"),
        ("a,b\n1,2\n", "x.csv", "text/csv"),
        ("a\tb\n", "x.tsv", "text/tab-separated-values"),
        ("a,b\n1,2\n3,4\n", "", "text/csv"),
        ("a,b\n1,2\n3,4\n", "x.pdf", "text/csv"),
        ("a,b\n1,2\n3,4\n", "x.txt", "text/plain"),
        ("Dear Sir, hello\nyours\n", "", "text/plain"),
        ("From: a@b.c\r\nTo: d@e.f\r\nSubject: x\r\n\r\nhi", "x.eml", "message/rfc822"),
        ("MIME-Version: 1.0\nDate: x\nMessage-ID: <1>\n\nhi", "x.txt", "message/rfc822"),
        ("From: Ann\nTo: Bob\nDate: May\nSubject: Tea\n\nhi", "memo.txt", "text/plain"),
        ("From a@b.c Mon Jun 01 10:00:00 2009\nSubject: x\n\nhi\n", "", "application/mbox"),
        ("WEBVTT\n\n", "x.txt", "text/vtt"),
        ("see %PDF-1.4 in the middle of a line", "", "text/plain"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_text_is_told_by_its_marks_then_by_its_name(
    text: str, name: str, media_type: str, encoding: str
) -> None:
    """What declares itself is that; the name decides between kinds without a mark; the encoding does not."""
    assert told(text.encode(encoding), name) == media_type


def test_a_servers_claim_is_a_hint_like_a_name() -> None:
    """A claimed media type decides between kinds of text, and against nothing else."""
    assert told(b"# Title", claimed="text/markdown; charset=utf-8") == "text/markdown"
    assert told(b"%PDF-1.7", claimed="text/markdown") == "application/pdf"


@pytest.mark.parametrize(
    "start",
    [b"<!--" * 2048, b"<?" * 4096, b"<!DOCTYPE a [" + b"]" * 8000, b"[" * 8192, b"a:\n" * 2700,
     b" " * 8191 + b"<", b"%PDF" * 2048, b"PK\x03\x04" * 2048, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 8000],
)  # fmt: skip
def test_no_start_takes_long(start: bytes) -> None:
    """Bytes made to mislead are answered within milliseconds."""
    before = time.process_time()
    told(start)
    assert time.process_time() - before < 0.2


@pytest.mark.corpus
def test_the_corpus_is_told_apart(corpus: Path) -> None:
    """Every file of the corpus whose extension names a binary document format is told as that format."""
    expected = {
        ".pdf": "application/pdf",
        ".docx": OOXML + "wordprocessingml.document",
        ".pptx": OOXML + "presentationml.presentation",
        ".odt": ODF + "text",
        ".ods": ODF + "spreadsheet",
        ".odp": ODF + "presentation",
        ".epub": "application/epub+zip",
        ".xls": "application/vnd.ms-excel",
        ".ppt": "application/vnd.ms-powerpoint",
        ".msg": "application/vnd.ms-outlook",
        ".rtf": "application/rtf",
        ".csv": "text/csv",
        ".eml": "message/rfc822",
        ".json": "application/json",
    }
    lines = (corpus / "documents/manifest.jsonl").read_text().splitlines()
    paths = [json.loads(line)["path"] for line in lines]
    wrong = []
    for path in paths:
        data = (corpus / "documents" / path).read_bytes()
        wanted = expected.get(PurePath(path).suffix)
        if wanted and told(data, path) != wanted:
            wrong.append(path)
    assert wrong == []


def test_a_documents_own_stream_outranks_those_of_documents_it_holds() -> None:
    """A Word document that holds a presentation is a Word document: its root storage says so."""
    data = bytearray(compound("WordDocument"))
    directory = 512 + 2 * 512
    struct.pack_into(
        "<III", data, directory + 68, 0xFFFFFFFF, 0xFFFFFFFF, 4
    )  # the root's children begin at 4
    struct.pack_into("<III", data, directory + 4 * 128 + 68, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    data[directory + 128 : directory + 256] = _directory_entry("PowerPoint Document").ljust(128, b"\0")
    assert told(bytes(data)) == "application/msword"


def test_a_package_that_names_alone_do_not_tell_is_asked() -> None:
    """A packed mimetype and content types under unusual folders are read, to a bound."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", ODF + "text")
    assert told(buffer.getvalue()) == ODF + "text"
    types = f'<Types><Override ContentType="{OOXML}spreadsheetml.sheet.main+xml"/></Types>'
    assert told(zipped(stored={"[Content_Types].xml": types.encode()})) == OOXML + "spreadsheetml.sheet"


def test_text_in_rare_encodings_is_text() -> None:
    """EBCDIC and UTF-16 without a mark in a script of its own are told from binary data."""
    assert told(("The quick brown fox jumps over the lazy dog. " * 9).encode("cp500")) == "text/plain"
    assert told(("Всеки човек има право на образование. " * 9).encode("utf-16-be")) == "text/plain"
