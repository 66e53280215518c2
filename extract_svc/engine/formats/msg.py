"""Outlook messages (MSG, [MS-OXMSG]): headers, body (plain, HTML or compressed RTF), attachments as members.

A message attached to a message is a storage inside the file: it is read in place, after the outer one.
"""

from __future__ import annotations

import re
import struct
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from extract_svc.engine import charset
from extract_svc.engine.cfb import CompoundFile
from extract_svc.engine.formats.html import read_fragment
from extract_svc.engine.formats.mail import header
from extract_svc.engine.formats.rtf import read_rtf
from extract_svc.engine.metadata import normalise

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_SUBJECT, _BODY, _HTML, _RTF, _SENDER, _SENDER_MAIL = "0037", "1000", "1013", "1009", "0C1A", "5D01"
_TO, _CC, _BCC, _HEADERS, _CLASS = "0E04", "0E03", "0E02", "007D", "001A"
_FILE_LONG, _FILE_SHORT, _DATA, _ADDRESS = "3707", "3704", "37010102", "0C1F"
_MAX_DEPTH = 5
# The dictionary that every compressed RTF stream begins with, as [MS-OXRTFCP] 2.1.2.1 gives it.
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read a message."""
    compound = CompoundFile(document.data)
    stated = _message(compound, "", draft, 0)
    draft.metadata = normalise(stated)


def _message(compound: CompoundFile, root: str, draft: Draft, depth: int) -> dict[str, str]:
    prefix = f"{root}/" if root else ""

    def text(key: str) -> str:
        wide = compound.stream(f"{prefix}__substg1.0_{key}001F")
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        return charset.decode(compound.stream(f"{prefix}__substg1.0_{key}001E").rstrip(b"\0"))[0]

    headers = text(_HEADERS)
    address = text(_SENDER_MAIL) or text(_ADDRESS)
    sender = text(_SENDER)
    sender = (
        f"{sender} <{address}>" if address and address != sender and "@" in address else sender or address
    )
    sent = HeaderParser().parsestr(headers)
    date = header(sent["Date"] or "")
    shown = [
        ("From", header(sent["From"] or sender)),
        ("To", header(sent["To"] or text(_TO))),
        ("Cc", header(sent["Cc"] or text(_CC))),
        ("Bcc", header(sent["Bcc"] or text(_BCC))),
        ("Date", date),
        ("Subject", text(_SUBJECT)),
    ]
    draft.block("\n".join(f"{key}: {value}" for key, value in shown if value))
    recipients = _recipients(compound, prefix)
    if recipients:
        draft.block("Recipients: " + "; ".join(recipients))
    if "SMIME" in text(_CLASS).upper() and "MULTIPARTSIGNED" not in text(_CLASS).upper():
        draft.warn("ENCRYPTED", "The mail's body is encrypted.")
    _body(compound, prefix, text(_BODY), draft)
    for path in compound.children(root):
        if "__attach_version1.0_" in path.lower():
            _attachment(compound, path, draft, depth)
    return {"title": text(_SUBJECT), "author": sender, "date": date, "to": text(_TO), "cc": text(_CC)}


def _recipients(compound: CompoundFile, prefix: str) -> list[str]:
    """Addresses beside the display names, which the message's own lines hold already."""
    found = []
    for path in compound.children(prefix.rstrip("/")):
        if "__recip_version1.0_" in path.lower():
            for key in ("39FE001F", "3003001F", "39FE001E", "3003001E"):
                raw = compound.stream(f"{path}/__substg1.0_{key}")
                if raw:
                    value = raw.decode("utf-16-le" if key.endswith("F") else "latin-1", "replace").rstrip(
                        "\0"
                    )
                    if "@" in value:
                        found.append(value)
                    break
    return list(dict.fromkeys(found))


def _body(compound: CompoundFile, prefix: str, plain: str, draft: Draft) -> None:
    html = compound.stream(f"{prefix}__substg1.0_{_HTML}0102")
    if plain.strip():
        for paragraph in _BLANK.split(plain.replace("\r\n", "\n").replace("\r", "\n")):
            draft.block(paragraph)
    elif html:
        declared = re.search(rb"charset=[\"']?([\w-]+)", html[:4096])
        read_fragment(charset.decode(html, declared[1].decode() if declared else "")[0], draft)
    else:
        packed = compound.stream(f"{prefix}__substg1.0_{_RTF}0102")
        if packed:
            read_rtf(unpack_rtf(packed), draft)


def _attachment(compound: CompoundFile, path: str, draft: Draft, depth: int) -> None:
    def text(key: str) -> str:
        wide = compound.stream(f"{path}/__substg1.0_{key}001F")
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        return compound.stream(f"{path}/__substg1.0_{key}001E").rstrip(b"\0").decode("cp1252", "replace")

    inner = f"{path}/__substg1.0_3701000D"
    if compound.is_storage(inner):
        if f"{inner}/__properties_version1.0" in compound and depth < _MAX_DEPTH:
            _message(compound, inner, draft, depth + 1)
        else:
            content = compound.stream(f"{inner}/CONTENTS") or compound.stream(f"{inner}/Package")
            if content:
                draft.member(text(_FILE_LONG) or text("3001") or "object", content)
        return
    data = compound.stream(f"{path}/__substg1.0_{_DATA}")
    if data:
        draft.member(text(_FILE_LONG) or text(_FILE_SHORT) or text("3001") or "attachment", data)


def unpack_rtf(data: bytes) -> bytes:
    """Unpack compressed RTF ([MS-OXRTFCP] 2.2); bytes stored plain come as they are."""
    if len(data) < 16:
        return b""
    size, kind = struct.unpack_from("<I4s", data, 4)
    if kind == b"MELA":
        return data[16 : 16 + size]
    window = bytearray(_DICTIONARY.ljust(4096, b"\0"))
    write, at, out = len(_DICTIONARY), 16, bytearray()
    while at < len(data) and len(out) < size:
        control = data[at]
        at += 1
        for bit in range(8):
            if control >> bit & 1:
                if at + 2 > len(data):
                    return bytes(out)
                place = data[at] << 4 | data[at + 1] >> 4
                length = (data[at + 1] & 15) + 2
                at += 2
                if place == write:
                    return bytes(out)
                for n in range(length):
                    byte = window[(place + n) % 4096]
                    out.append(byte)
                    window[write] = byte
                    write = (write + 1) % 4096
            elif at < len(data):
                out.append(data[at])
                window[write] = data[at]
                write, at = (write + 1) % 4096, at + 1
    return bytes(out)
