"""Mail (RFC 5322 with MIME) and mbox: the headers a reader sees, the bodies in order, attachments as members.

Of alternatives the plain text is read, or the HTML where there is none to speak of. Messages of an mbox and
messages attached to a message are members. Bodies in other charsets than stated are detected.
"""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import re
from email.header import decode_header
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from collatio.runtime.sniff.encodings import BOMS, wide
from extract_svc.engine import charset
from extract_svc.engine.draft import Draft
from extract_svc.engine.formats.html import parse, read_fragment
from extract_svc.engine.media_type import MBOX
from extract_svc.engine.metadata import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.model import Document, Options

_MARKS = tuple(mark for mark, _ in BOMS)
_SHOWN = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject")
_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_FROM_LINE = re.compile(rb"^From [^\n]*\n", re.MULTILINE)
_FOLD = re.compile(r"\r?\n[ \t]*")
_NAME = re.compile(r"[\x00-\x1f/\\:*?\"<>|]+")
_LOCKED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_MAX_PARTS = 5_000
_TYPE_SUFFIX = {"text/html": ".html", "text/plain": ".txt", "message/rfc822": ".eml", "text/calendar": ".ics"}


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read a message or a mailbox."""
    data = document.data
    if wide(data) or data.startswith(_MARKS):  # headers are ASCII by rule; an editor saved them as UTF-16
        data = charset.decode(data)[0].encode("utf-8", "replace")
    if document.media_type == MBOX:
        _mailbox(data, draft)
        return
    data = _FROM_LINE.sub(b"", data, count=1) if data.startswith(b"From ") else data
    _Reader(draft).message(email.parser.BytesParser(policy=email.policy.compat32).parsebytes(data.lstrip()))


def _mailbox(data: bytes, draft: Draft) -> None:
    starts = [
        found.start()
        for found in _FROM_LINE.finditer(data)
        if found.start() == 0
        or data[found.start() - 2 : found.start()] in (b"\n\n", b"\r\n")
        or data[:1] == b"F"
    ]
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True), 1):
        message = data[data.find(b"\n", start) + 1 : end].replace(b"\n>From ", b"\nFrom ")
        draft.member(f"{number:05d}.eml", message, "message/rfc822")


def header(value: object) -> str:
    """Decode a header's encoded words (RFC 2047) and raw bytes in whatever charset fits."""
    text = str(value)
    if "=?" not in text:
        raw = text.encode("ascii", "surrogateescape") if _escaped(text) else None
        return " ".join((charset.decode(raw)[0] if raw is not None else text).split())
    parts = []
    try:
        words = decode_header(text)
    except (ValueError, email.errors.HeaderParseError):
        return " ".join(text.split())
    for content, encoding in words:
        if isinstance(content, str):
            parts.append(content)
        else:
            parts.append(charset.decode(content, encoding or "")[0])
    return " ".join("".join(parts).split())


def stated_of(part: email.message.Message, key: str) -> list[str]:
    """Answer a header's values as they stand, raw bytes as surrogates: `get_all` has replaced those already."""
    return [str(value) for name, value in part.raw_items() if name.lower() == key.lower()]


def _file_name(part: email.message.Message) -> str:
    """Answer an attachment's name (RFC 2231, 2047), also where raw bytes stand in the header."""
    bare = email.message.Message()
    for key in ("Content-Disposition", "Content-Type"):
        for value in stated_of(part, key)[:1]:
            raw = value.encode("ascii", "surrogateescape") if _escaped(value) else None
            bare[key] = _FOLD.sub(" ", charset.decode(raw)[0] if raw is not None else value)
    return header(bare.get_filename() or "")


def _escaped(text: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in text)


def _inside(part: email.message.Message) -> list[email.message.Message]:
    """Answer the parts of a multipart or the message of a message part."""
    inside = part.get_payload()
    return (
        [one for one in inside if isinstance(one, email.message.Message)] if isinstance(inside, list) else []
    )


class _Reader:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._parts = 0

    def message(self, message: email.message.Message) -> None:
        lines: list[str] = []
        stated: dict[str, str] = {}
        for key in _SHOWN:
            for value in stated_of(message, key):
                text = header(value)
                lines.append(f"{key}: {text}")
                stated.setdefault(key.lower(), text)
        for key, value in message.raw_items():
            if key.lower() not in stated and key.lower() not in (
                "received",
                "content-type",
                "dkim-signature",
            ):
                stated.setdefault(key, header(value))
        self._draft.block("\n".join(lines))
        if message.get_content_type() in _LOCKED and "signed" not in str(message.get("Content-Type", "")):
            self._draft.warn("ENCRYPTED", "The mail's body is encrypted.")
        self._part(message)
        if self._draft.members:
            self._draft.block("Attachments: " + ", ".join(member.path for member in self._draft.members))
        self._draft.metadata = normalise(dict(_named(stated)))

    def _part(self, part: email.message.Message) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            return
        kind = part.get_content_type()
        if kind == "multipart/alternative":
            self._alternative(part)
        elif part.is_multipart() and kind != "message/rfc822":
            for inner in _inside(part):
                self._part(inner)
        elif kind == "message/rfc822":
            for inner in _inside(part):
                name = header(next(iter(stated_of(inner, "Subject")), "")) or "message"
                self._draft.member(_safe(name) + ".eml", inner.as_bytes(), "message/rfc822")
        elif self._is_body(part, kind):
            self._body(part, kind)
        else:
            self._attachment(part, kind)

    def _is_body(self, part: email.message.Message, kind: str) -> bool:
        stated = str(part.get("Content-Disposition", "")).lower()
        named = part.get_filename() is not None
        return (
            kind in ("text/plain", "text/html", "text/enriched")
            and not stated.startswith("attachment")
            and (not named or not stated)
        )

    def _alternative(self, part: email.message.Message) -> None:
        inner = _inside(part)
        plain = [p for p in inner if p.get_content_type() == "text/plain"]
        chosen = next((p for p in plain if _text(p).strip()), None)
        rich = next((p for p in inner if p.get_content_type() != "text/plain"), None)
        if chosen is not None and rich is not None and _much_shorter(_text(chosen), rich):
            chosen = None
        both = chosen is not None and rich is not None and _says_more(_text(chosen), rich)
        for one in inner:
            kind = one.get_content_type()
            if one is chosen or (one is rich and (chosen is None or both)):
                self._part(one)
            elif one is rich and chosen is not None:
                self._what_else(_text(chosen), one)
            elif kind not in ("text/plain", "text/html") and not kind.startswith("text/"):
                self._others(one)

    def _what_else(self, plain: str, rich: email.message.Message) -> None:
        """Add what only the rich alternative says, line by line: they should say the same, and often do not."""
        if not rich.is_multipart() and rich.get_content_type() != "text/html":
            self._others(rich)
            return
        known, page = _letters(plain), Draft(self._draft.limits)
        for one in rich.walk():
            if one.get_content_type() == "text/html" and self._is_body(one, "text/html"):
                read_fragment(_text(one), page)
            elif not one.is_multipart() and not self._is_body(one, one.get_content_type()):
                self._attachment(one, one.get_content_type())
        for block in page.blocks:
            lines = [line for line in block.text.splitlines() if _letters(line) not in known]
            self._draft.block("\n".join(lines))
        self._draft.links += page.links

    def _others(self, part: email.message.Message) -> None:
        """Hand over the attachments under an alternative that is not read."""
        for one in part.walk():
            kind = one.get_content_type()
            if not one.is_multipart() and not self._is_body(one, kind):
                self._attachment(one, kind)

    def _body(self, part: email.message.Message, kind: str) -> None:
        text = _text(part)
        if kind == "text/html" or (kind == "text/plain" and text.lstrip()[:14].lower() == "<!doctype html"):
            read_fragment(text, self._draft)
            return
        for paragraph in _BLANK.split(text.replace("\r\n", "\n").replace("\r", "\n")):
            self._draft.block(paragraph)

    def _attachment(self, part: email.message.Message, kind: str) -> None:
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes) or not data:
            return
        name = _file_name(part)
        fallback = f"part-{self._parts}{_TYPE_SUFFIX.get(kind, '')}"
        self._draft.member(_safe(name) or fallback, data, "")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _words(part: email.message.Message) -> list[str]:
    bodies = [p for p in part.walk() if p.get_content_type() == "text/html"]
    root = parse(_text(bodies[0])) if bodies else None
    return "".join(root.itertext()).split() if root is not None else []


def _much_shorter(plain: str, rich: email.message.Message) -> bool:
    """Whether a plain alternative is a mere notice ("your mail reader cannot show this")."""
    return len(plain) <= 200 and len(_words(rich)) > 3 * len(plain.split()) + 20


def _says_more(plain: str, rich: email.message.Message) -> bool:
    """Whether the alternatives do not say the same, as they should: then both are read."""
    known, words = set(plain.split()), _words(rich)
    return sum(word not in known for word in words) > 0.5 * len(words)


def _text(part: email.message.Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    stated = part.get_param("charset", "")
    return charset.decode(data, stated if isinstance(stated, str) else str(stated[2]))[0].replace("\0", "")


def _safe(name: str) -> str:
    return _NAME.sub("_", name).strip(". ")[:200]


def _named(stated: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Mail's own words for title and times, beside the headers as they stand."""
    yield from stated.items()
    if stated.get("subject"):
        yield "title", stated["subject"]
    moment = stated.get("date", "")
    if moment:
        try:
            yield "created", parsedate_to_datetime(moment).isoformat()
        except (ValueError, TypeError, IndexError):
            return
