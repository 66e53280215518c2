"""Turns bytes of an unknown encoding into text.

In order: a byte order mark, the form of UTF-16 and UTF-32 without one, strict UTF-8, the declared encoding if
every byte fits it, a statistical guess (chardet), and last Windows-1252 with replacement characters.
"""

from __future__ import annotations

import codecs

from collatio.runtime.sniff.encodings import BOMS, wide

# What pages declare and what they mean by it (WHATWG Encoding Standard, section 4.2).
_ALIASES = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "macicelandic": "mac-iceland",
    "macturkish": "mac-turkish",
    "maccyrillic": "mac-cyrillic",
    "macgreek": "mac-greek",
    "maclatin2": "mac-latin2",
    "x-user-defined": "cp1252",
    "unicode": "utf-16",
}
# Escape sequences that begin ISO-2022 text (RFC 1468, RFC 1557, RFC 2237).
_SHIFTS = (
    (b"\x1b$)C", "iso2022_kr"),
    (b"\x1b$B", "iso2022_jp_2"),
    (b"\x1b$@", "iso2022_jp_2"),
    (b"\x1b$(D", "iso2022_jp_2"),
)
_SAMPLE_BYTES = 32 * 1024
_SHORT_BYTES, _LATIN_SHARE = 64, 0.25
_HIGH = bytes(range(0x80, 0x100))


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Answer the text and the name of the encoding that was used; never fails."""
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), encoding
    encoding = wide(data)
    if encoding:
        return data.decode(encoding, "replace"), encoding
    shifted = b"\x1b" in data and data.isascii()  # ISO-2022 shifts are ASCII to the eye
    if shifted:
        declared = declared or next((name for shift, name in _SHIFTS if shift in data), "utf-8")
    if not shifted or known(declared) == "utf-8":
        try:
            return data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    return _by_name(data, declared)


def _by_name(data: bytes, declared: str) -> tuple[str, str]:
    """Decode as declared, else as guessed, where every byte fits."""
    for name in (declared, _guess(data)):
        encoding = known(name)
        if encoding and encoding != "utf-8":
            try:
                return data.decode(encoding), encoding
            except (UnicodeDecodeError, LookupError):
                continue
    encoding = known(_guess(data)) or "cp1252"
    return data.decode(encoding, "replace"), encoding


def known(name: str) -> str:
    """Answer Python's name for a declared encoding, "" if it has none that makes text."""
    name = name.strip().strip("\"'").lower()
    name = _ALIASES.get(name, name)
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return codec.name if getattr(codec, "_is_text_encoding", True) else ""


def _guess(data: bytes) -> str:
    high = len(data) - len(data.translate(None, _HIGH))
    if len(data) < _SHORT_BYTES and high < _LATIN_SHARE * len(data):
        return "cp1252"  # a few accents in a short line tell a guesser nothing
    import chardet  # noqa: PLC0415 - loaded only for bytes that are not UTF-8

    return chardet.detect(data[:_SAMPLE_BYTES])["encoding"] or ""
