"""Tells a document's media type by content; the name speaks only where the content leaves it open.

Signatures first, then containers by what is in them (zip, compound file), then markup, then text, whose
flavour (CSV, Markdown, ...) the name decides, with a look at the lines.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from io import BytesIO

from extract_svc.engine import cfb, charset
from extract_svc.engine import media_type as types

_MAGIC = (
    (b"{\\rtf", types.RTF),
    (b"\x89PNG\r\n\x1a\n", types.PNG),
    (b"\xff\xd8\xff", types.JPEG),
    (b"GIF87a", types.GIF),
    (b"GIF89a", types.GIF),
    (b"II*\0", types.TIFF),
    (b"MM\0*", types.TIFF),
    (b"\x1f\x8b", types.GZIP),
    (b"BZh", types.BZIP2),
    (b"\xfd7zXZ\0", types.XZ),
    (b"\x28\xb5\x2f\xfd", types.ZSTD),
    (b"]\0\0", types.LZMA),
    (b"\x1f\x9d", types.COMPRESS),
    (b"7z\xbc\xaf\x27\x1c", types.SEVEN_Z),
    (b"Rar!\x1a\x07", types.RAR),
    (b"\x30\x80\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x1f", "application/timestamped-data"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "application/onenote"),
)
_BY_NAME = {
    "csv": types.CSV,
    "tsv": types.TSV,
    "tab": types.TSV,
    "md": types.MARKDOWN,
    "markdown": types.MARKDOWN,
    "rst": types.RST,
    "org": types.ORG,
    "adoc": types.ASCIIDOC,
    "asciidoc": types.ASCIIDOC,
    "asc": types.ASCIIDOC,
    "json": types.JSON,
    "ndjson": types.NDJSON,
    "jsonl": types.NDJSON,
    "ipynb": types.NOTEBOOK,
    "vtt": types.VTT,
    "eml": types.MAIL,
    "mbox": types.MBOX,
    "html": types.HTML,
    "htm": types.HTML,
    "xml": types.XML,
}
_STARTS = (("WEBVTT", types.VTT), ("{\\rtf", types.RTF))
_WORDED = ("md", "rst", "org", "adoc", "asciidoc", "txt", "csv", "tsv")
_OOXML_MAIN = (
    (b"wordprocessingml.document.main", types.DOCX),
    (b"ms-word.document.macroEnabled.main", types.DOCX),
    (b"wordprocessingml.template.main", types.DOCX),
    (b"ms-word.template.macroEnabled", types.DOCX),
    (b"sheet.binary.macroEnabled", types.XLSB),
    (b"spreadsheetml.sheet.main", types.XLSX),
    (b"spreadsheetml.template.main", types.XLSX),
    (b"ms-excel.sheet.macroEnabled.main", types.XLSX),
    (b"ms-excel.template.macroEnabled", types.XLSX),
    (b"ms-excel.addin.macroEnabled", types.XLSX),
    (b"presentationml.presentation.main", types.PPTX),
    (b"presentationml.slideshow.main", types.PPTX),
    (b"presentationml.template.main", types.PPTX),
    (b"ms-powerpoint.", types.PPTX),
)
_MAIL_HEADER = re.compile(
    rb"(?:From|To|Cc|Subject|Date|Message-ID|Received|Return-Path|Reply-To|MIME-Version|Content-Type|"
    rb"Delivered-To|X-[A-Za-z-]+|DKIM-Signature|ARC-[A-Za-z-]+|Content-Transfer-Encoding|Sender|Resent-From|"
    rb"Thread-Topic|Status)[ \t]*:",
    re.IGNORECASE,
)
_ANY_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_HTML_START = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|script|style|div|table|p|h[1-6]|"
    r"center|font|a|br|ul|ol|article|section|span|img|link|base|b|i|pre)\b",
    re.IGNORECASE | re.DOTALL,
)
_XHTML_START = re.compile(r"(?:<\?xml.*?\?>)?\s*<!doctype\s+html", re.IGNORECASE | re.DOTALL)
_XML_ROOTS = {
    "FictionBook": types.FICTIONBOOK,
    "package": types.FLAT_OPC,
    "wordDocument": types.WORDML,
    "svg": types.SVG,
}
_XML_ROOT = re.compile(r"<(?![?!])(?:[\w.-]+:)?([\w.-]+)([^>]*)>?")


def sniff(data: bytes, name: str = "") -> str:
    """Answer the media type, lower case and without parameters.

    `application/x-empty` for no bytes, `application/octet-stream` where nothing is known.
    """
    if not data:
        return types.EMPTY
    suffix = name.rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""
    return _signed(data) or _textual(data, suffix)


def _signed(data: bytes) -> str:
    """Answer the type a signature tells, "" if there is none."""
    found = next((media_type for magic, media_type in _MAGIC if data.startswith(magic)), "")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        found = _package(data)
    elif data.startswith(cfb.MAGIC):
        found = _compound(data)
    elif b"%PDF-" in data[:1024]:
        found = types.PDF
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = types.WEBP
    elif (
        data[:2] == b"BM" and len(data) > 26 and data[6:10] == b"\0\0\0\0" and data[14] in (12, 40, 108, 124)
    ):
        found = types.BMP
    elif data[257:262] == b"ustar" or (not found and _old_tar(data)):
        found = types.TAR
    return found


def _package(data: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            names = package.namelist()
            folded = {entry.lower().replace("\\", "/"): entry for entry in names}
            if "mimetype" in folded:
                stated = _head(package, folded["mimetype"]).decode("ascii", "replace").strip()
                if stated == types.EPUB or stated.startswith("application/vnd.oasis.opendocument."):
                    return stated.removesuffix("-template").removesuffix("-master")
            if "[content_types].xml" in folded:
                return _office(_head(package, folded["[content_types].xml"]), folded)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError, zlib.error):
        return _local_names(data)
    if "meta-inf/container.xml" in folded:
        return types.EPUB
    return _iwork(folded) or types.ZIP


def _office(stated: bytes, folded: dict[str, str]) -> str:
    for mark, media_type in _OOXML_MAIN:
        if mark in stated:
            return media_type
    for prefix, media_type in (("word/", types.DOCX), ("xl/", types.XLSX), ("ppt/", types.PPTX)):
        if any(entry.startswith(prefix) for entry in folded):
            return media_type
    return types.ZIP


def _iwork(folded: dict[str, str]) -> str:
    if "index.apxl" in folded or "index.apxl.gz" in folded:
        return types.KEYNOTE
    if any(entry.startswith(("index/slide", "index/masterslide")) for entry in folded):
        return types.KEYNOTE
    if "index/document.iwa" in folded or "index.zip" in folded:
        sheets = "index/calculationengine.iwa" in folded and any("tables/" in entry for entry in folded)
        return (
            types.NUMBERS
            if sheets and "index/documentstylesheet.iwa" in folded and _numbers(folded)
            else types.PAGES
        )
    if "index.xml" in folded and any(
        entry.startswith(("buildversionhistory", "quicklook/", "thumbs/")) for entry in folded
    ):
        return types.PAGES
    return ""


def _numbers(folded: dict[str, str]) -> bool:
    return not any(entry.startswith(("index/section", "index/bodystorage")) for entry in folded)


def _head(package: zipfile.ZipFile, name: str) -> bytes:
    with package.open(name) as stream:
        return stream.read(256 * 1024)


def _local_names(data: bytes) -> str:
    """Guess a broken zip by the names in its local headers."""
    if b"[Content_Types].xml" in data[:65536] or b"_rels/.rels" in data[:65536]:
        for part, media_type in ((b"word/", types.DOCX), (b"xl/", types.XLSX), (b"ppt/", types.PPTX)):
            if part in data:
                return media_type
    return types.ZIP


def _compound(data: bytes) -> str:
    """Tell a compound file by the names in its directory, which are UTF-16 wherever the directory lies."""
    start = struct.unpack_from("<I", data, 48)[0] if len(data) > 52 else 0
    shift = struct.unpack_from("<H", data, 30)[0] if len(data) > 32 else 9
    window = data[(start + 1) << min(shift, 12) :] if start < 1 << 24 else data
    for where in (window[: 64 * 1024], data):
        for mark, media_type in (
            ("EncryptedPackage", types.OOXML_LOCKED),
            ("WordDocument", types.DOC),
            ("PowerPoint Document", types.PPT),
            ("Workbook", types.XLS),
            ("__properties_version1.0", types.MSG),
            ("Book\0", types.XLS),
        ):
            if mark.lower().encode("utf-16-le") in where.lower():
                return media_type
    return types.OLE


def _old_tar(data: bytes) -> bool:
    """Whether the first block is a tar header without a magic: its checksum says so."""
    if len(data) < 512 or not data[:1].strip(b"\0"):
        return False
    try:
        stated = int(data[148:156].split(b"\0")[0].strip() or b"-1", 8)
    except ValueError:
        return False
    return stated == sum(data[:148]) + 8 * 32 + sum(data[156:512])


def _textual(data: bytes, suffix: str) -> str:
    if not charset.looks_textual(data):
        return types.OCTETS
    if data.startswith(b"From ") and _MAIL_HEADER.search(data[:4096]):
        return types.MBOX
    if _mail(data):
        return types.MAIL
    lead = _sample(data).lstrip("\ufeff \t\r\n")
    found = next((media_type for start, media_type in _STARTS if lead.startswith(start)), "")
    if not found and lead.startswith("<"):
        found = _markup(lead)
        if (
            found == types.XML
            and suffix in _WORDED
            and not lead.startswith("<?xml")
            and not _closes(lead, data)
        ):
            found = ""
    if not found and lead.startswith(("{", "[")) and suffix not in _WORDED:
        found = _json(lead, suffix)
    return found or _named(lead, suffix)


def _named(lead: str, suffix: str) -> str:
    """Answer the flavour of text the name says, where it is one that the content cannot gainsay."""
    named = _BY_NAME.get(suffix, types.TEXT)
    if named in (types.XML, types.MAIL, types.MBOX) or (named == types.HTML and "<" not in lead):
        return types.TEXT
    return named


def _sample(data: bytes) -> str:
    head = data[:8192]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        return charset.decode(head[: len(head) // 4 * 4] if len(head) > 4 else head)[0]
    return head.decode("utf-8", "replace")


def _mail(data: bytes) -> bool:
    """Whether the bytes begin with message headers: two known ones among lines that all look like headers."""
    known = 0
    for line in data[:16384].lstrip().splitlines()[:60]:
        if not line:
            break
        if line[:1] in b" \t" and known:
            continue
        if not _ANY_HEADER.match(line):
            return False
        known += _MAIL_HEADER.match(line) is not None
        if known > 2:
            return True
    return known > 1


def _markup(lead: str) -> str:
    if _HTML_START.match(lead):
        return types.HTML
    root = _XML_ROOT.search(lead[lead.find("?>") + 2 :] if lead.startswith("<?xml") else lead)
    name = root.group(1) if root else ""
    if name.lower() == "html" or _XHTML_START.match(lead):
        return types.HTML
    if name == "document" and "opendocument" in lead:
        kind = re.search(r"office:mimetype=[\"']([\w./+-]+)", lead)
        return kind.group(1) if kind else types.ODT
    if name in _XML_ROOTS and (name != "package" or "2006/xmlPackage" in lead):
        return _XML_ROOTS[name]
    if lead.startswith(("<?xml", "<!DOCTYPE", "<!--")) or (root and root.start() == 0 and len(name) > 1):
        return types.XML
    return ""


def _closes(lead: str, data: bytes) -> bool:
    """Whether the element a text begins with is closed somewhere; a placeholder in brackets is not."""
    root = _XML_ROOT.search(lead)
    name = root.group(0)[1:].split(None, 1)[0].rstrip("/>") if root else ""
    return f"</{name}".encode() in data


def _json(lead: str, suffix: str) -> str:
    if suffix in ("ipynb", "ndjson", "jsonl"):
        return _BY_NAME[suffix]
    if '"nbformat"' in lead and '"cells"' in lead:
        return types.NOTEBOOK
    first, _, rest = lead.partition("\n")
    if first.rstrip().endswith("}") and rest.lstrip().startswith("{"):
        return types.NDJSON
    return (
        types.JSON
        if suffix == "json" or re.match(r"[{\[]\s*(?:[\"{\[\]}\d-]|true|false|null)", lead)
        else types.TEXT
    )
