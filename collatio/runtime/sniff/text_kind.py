"""Which kind of text a text is, and whether bytes are text at all.

Rules. What declares itself (HTML, XML, JSON, WebVTT, a mail's headers) is that, whatever its name says.
Kinds that have no mark of their own (Markdown, CSV, reStructuredText, …) are told by the name. A nameless
text, or one named as a binary format, is looked at once more for columns; all else is plain text.
"""

from __future__ import annotations

import json
import re

from collatio.runtime.sniff.encodings import BOMS, looks_textual, wide
from collatio.runtime.sniff.markup import HTML, XML, markup_media_type

PLAIN, CSV, TSV, MARKDOWN = "text/plain", "text/csv", "text/tab-separated-values", "text/markdown"
JSON, NDJSON, NOTEBOOK = "application/json", "application/x-ndjson", "application/x-ipynb+json"
MAIL, MBOX = "message/rfc822", "application/mbox"
VTT, SUBRIP = "text/vtt", "application/x-subrip"

_BY_SUFFIX = {
    ".txt": PLAIN, ".text": PLAIN, ".log": PLAIN,
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN, ".mkd": MARKDOWN,
    ".csv": CSV, ".tsv": TSV, ".tab": TSV,
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".xml": XML,
    ".json": JSON, ".ndjson": NDJSON, ".jsonl": NDJSON, ".ipynb": NOTEBOOK,
    ".rst": "text/x-rst", ".org": "text/x-org", ".adoc": "text/asciidoc", ".asciidoc": "text/asciidoc",
    ".tex": "text/x-tex", ".srt": SUBRIP, ".vtt": VTT, ".eml": MAIL, ".mbox": MBOX,
}  # fmt: skip
_BY_CLAIM = {media_type: media_type for media_type in _BY_SUFFIX.values()}
_SHOWS_ITSELF = {HTML, XML, JSON, NDJSON, NOTEBOOK, MAIL, MBOX, VTT}
"""Kinds whose content is looked for; a name alone does not make a text one of these."""

_CONTROLS = bytes(c for c in range(32) if c not in {7, 8, 9, 10, 11, 12, 13, 27, 14, 15, 26}) + b"\x7f"
_CONTROL_SHARE_MAX = 0.02
_HEADER = re.compile(r"([!-9;-~]{1,64})[ \t]*:")
_MAIL_HEADERS = frozenset(
    [
        "from",
        "to",
        "cc",
        "subject",
        "date",
        "message-id",
        "received",
        "return-path",
        "reply-to",
        "mime-version",
        "content-type",
        "delivered-to",
        "dkim-signature",
        "content-transfer-encoding",
        "sender",
        "resent-from",
        "thread-topic",
        "status",
    ]
)
_MACHINE_HEADERS = frozenset(
    ["received", "return-path", "message-id", "mime-version", "dkim-signature", "delivered-to"]
)
_MBOX = re.compile(r"From \S.{0,200}\d{4}\s*\r?\n[!-9;-~]{1,64}:")
_SUBRIP = re.compile(r"\d+\s*\r?\n\d\d:\d\d:\d\d,\d{3} --> ")
_JSON_OPENING = re.compile(r'(?:\{\s*(?:"|\}|$)|\[\s*(?:["\[{\]\d-]|true|false|null|$))')


def text_of(head: bytes) -> str | None:
    """Return the text of the first bytes, its marks readable; `None` when they are not text.

    UTF-8, UTF-16 and UTF-32 are decoded, also without a byte order mark; any other charset is read as
    Latin-1, which keeps every ASCII mark in its place.
    """
    for bom, encoding in BOMS:
        if head.startswith(bom):
            return head[len(bom) :].decode(encoding, "replace")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if b"\x00" not in head and controls <= len(head) * _CONTROL_SHARE_MAX:
        return head.decode("latin-1")
    if not looks_textual(head):
        return None
    encoding = wide(head)
    unit = 4 if "32" in encoding else 2
    return (
        head[: len(head) // unit * unit].decode(encoding, "replace") if encoding else head.decode("latin-1")
    )


def text_media_type(text: str, suffix: str, claimed: str | None, *, whole: bool) -> str:
    """Return the media type of a text.

    `suffix` is the name's, lower case with its dot; `claimed` what a server called it. `whole`: the text is
    all there is, not the beginning of more.
    """
    lead = text.lstrip("\ufeff \t\r\n")
    named = _BY_SUFFIX.get(suffix, "") or _BY_CLAIM.get((claimed or "").partition(";")[0].strip().lower(), "")
    if lead.startswith("WEBVTT"):
        return VTT
    if _SUBRIP.match(lead):
        return SUBRIP
    found = (
        markup_media_type(lead, named_text=bool(named) and named not in {HTML, XML})
        or _json_media_type(lead, named, whole=whole)
        or _mail_media_type(lead, named)
    )
    if found:
        return found
    if named == HTML:
        return HTML if "<" in text else PLAIN
    if named and named not in _SHOWS_ITSELF:
        return named
    return (_columns(text, whole=whole) if not named else "") or PLAIN


def _json_media_type(lead: str, named: str, *, whole: bool) -> str:
    if not _JSON_OPENING.match(lead):
        return ""
    first, newline, rest = lead.partition("\n")
    if newline and lead[0] == "{" and rest.lstrip().startswith("{") and _is_json(first):
        return NDJSON
    if whole:
        if not _is_json(lead):
            return named if named in {JSON, NDJSON, NOTEBOOK} else ""  # broken, and its reader says so
    elif named and named not in _SHOWS_ITSELF:
        return ""  # "[1] A note" may open a plain text; the name is believed until the whole says otherwise
    return NOTEBOOK if named == NOTEBOOK else NDJSON if named == NDJSON else JSON


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _mail_media_type(lead: str, named: str) -> str:
    if lead.startswith("From ") and (named == MBOX or _MBOX.match(lead) or _known_headers(_rest(lead))):
        return MBOX
    known = _known_headers(lead)
    if named == MAIL:
        return MAIL if known else ""
    if named in {"", MBOX}:
        return MAIL if len(known) >= 2 else ""
    # A memorandum saved as text has From, To and Date as well; what only a mail program writes decides.
    return MAIL if len(known) >= 3 and known & _MACHINE_HEADERS else ""


def _rest(lead: str) -> str:
    return lead.partition("\n")[2]


def _known_headers(lead: str) -> set[str]:
    known: set[str] = set()
    for line in lead.splitlines()[:60]:
        if line[:1] in {" ", "\t"} and known:
            continue
        header = _HEADER.match(line)
        if header is None:
            break
        name = header[1].lower()
        if name in _MAIL_HEADERS or name.startswith(("x-", "arc-")):
            known.add(name)
    return known


def _columns(text: str, *, whole: bool) -> str:
    """Tell columns by the same number of separators in every line, three lines at least."""
    lines = [line for line in text.splitlines() if line.strip()]
    lines = lines if whole else lines[:-1]
    if len(lines) < 3:
        return ""
    for separator, media_type in (("\t", TSV), (";", CSV), (",", CSV)):
        counts = {line.count(separator) for line in lines}
        if len(counts) == 1 and counts.pop() > 0:
            return media_type
    return ""
