"""The media types that are told apart, lower case and without parameters."""

from __future__ import annotations

OCTETS = "application/octet-stream"
EMPTY = "application/x-empty"
_OOXML = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (
    _OOXML + "wordprocessingml.document",
    _OOXML + "spreadsheetml.sheet",
    _OOXML + "presentationml.presentation",
)
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
DOC, XLS, PPT, MSG = (
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
)
OLE, OOXML_LOCKED = "application/x-ole-storage", "application/x-ooxml-encrypted"
_ODF = "application/vnd.oasis.opendocument."
ODT, ODS, ODP, ODG = _ODF + "text", _ODF + "spreadsheet", _ODF + "presentation", _ODF + "graphics"
EPUB, RTF, PDF = "application/epub+zip", "application/rtf", "application/pdf"
PAGES, NUMBERS, KEYNOTE = (
    "application/vnd.apple.pages",
    "application/vnd.apple.numbers",
    "application/vnd.apple.keynote",
)
FICTIONBOOK, FLAT_OPC, WORDML = (
    "application/x-fictionbook+xml",
    "application/vnd.ms-office.flat-opc+xml",
    "application/vnd.ms-word.2003+xml",
)
HTML, XML, SVG, JSON, NDJSON, NOTEBOOK = (
    "text/html",
    "application/xml",
    "image/svg+xml",
    "application/json",
    "application/x-ndjson",
    "application/x-ipynb+json",
)
TEXT, CSV, TSV, MARKDOWN, RST, ORG, ASCIIDOC, TEX, VTT, SUBRIP = (
    "text/plain",
    "text/csv",
    "text/tab-separated-values",
    "text/markdown",
    "text/x-rst",
    "text/x-org",
    "text/asciidoc",
    "text/x-tex",
    "text/vtt",
    "application/x-subrip",
)
MAIL, MBOX = "message/rfc822", "application/mbox"
ZIP, TAR, GZIP, BZIP2, XZ, ZSTD, LZMA, COMPRESS, SEVEN_Z, RAR = (
    "application/zip",
    "application/x-tar",
    "application/gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/x-lzma",
    "application/x-compress",
    "application/x-7z-compressed",
    "application/vnd.rar",
)
PNG, JPEG, GIF, TIFF, WEBP, BMP = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/tiff",
    "image/webp",
    "image/bmp",
)
