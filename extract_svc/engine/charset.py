"""Turns bytes of an unknown encoding into text.

In order: a byte order mark, the form of UTF-16 and UTF-32 without one, strict UTF-8, the declared encoding if
every byte fits it, a statistical guess (chardet), and last Windows-1252 with replacement characters.
"""

from __future__ import annotations

import codecs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
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
_SAMPLE_BYTES = 32 * 1024
_CONTROL = bytes(sorted(set(range(9)) | set(range(14, 27)) | {28, 29, 30, 31}))


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Answer the text and the name of the encoding that was used; never fails."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), encoding
    wide = _wide(data)
    if wide:
        return data.decode(wide, "replace"), wide
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if not (declared and text.isascii() and b"\x1b" in data):  # ISO-2022 shifts are ASCII to the eye
            return text, "utf-8"
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


def _wide(data: bytes) -> str:
    """Tell UTF-16 and UTF-32 without a mark by where their zero bytes stand."""
    sample = data[:1024]
    if b"\0" not in sample or len(sample) < 4:
        return ""
    size = len(sample) // 4
    zeros = [sample[place::4].count(0) / size for place in range(4)]
    high, low = 0.7, 0.3
    if min(zeros[1:]) > high and zeros[0] < low:
        return "utf-32-le"
    if min(zeros[:3]) > high and zeros[3] < low:
        return "utf-32-be"
    if zeros[1] > low and zeros[3] > low and zeros[0] < 0.05 and zeros[2] < 0.05:
        return "utf-16-le"
    if zeros[0] > low and zeros[2] > low and zeros[1] < 0.05 and zeros[3] < 0.05:
        return "utf-16-be"
    return _wide_script(data[: len(sample) // 2 * 2][:1024])


def _wide_script(sample: bytes) -> str:
    """Tell UTF-16 of other scripts: the high bytes of a text are few, and what they make is readable."""
    evens, odds = len(set(sample[::2])), len(set(sample[1::2]))
    encoding = "utf-16-le" if odds * 4 <= evens else "utf-16-be" if evens * 4 <= odds else ""
    text = sample.decode(encoding, "replace") if encoding else ""
    readable = sum(
        char.isalnum() or char.isspace() or (char.isprintable() and char != "\ufffd") for char in text
    )
    return encoding if text and readable >= 0.98 * len(text) else ""


def _guess(data: bytes) -> str:
    import chardet  # noqa: PLC0415 - loaded only for bytes that are not UTF-8

    return chardet.detect(data[:_SAMPLE_BYTES])["encoding"] or ""


def looks_textual(data: bytes) -> bool:
    """Whether bytes without a known signature read as text in some encoding."""
    sample = data[:4096]
    if not sample or sample.startswith(tuple(mark for mark, _ in _BOMS)) or _wide(sample):
        return True
    if len(sample) - len(sample.translate(None, _CONTROL)) == 0:
        return True
    try:
        sample[:-3].decode("utf-8") if len(data) > len(sample) else sample.decode("utf-8")
    except UnicodeDecodeError:
        return _ebcdic(sample)
    return sample.count(0) == 0 and len(sample) - len(sample.translate(None, _CONTROL)) < len(sample) // 20


def _ebcdic(sample: bytes) -> bool:
    """Whether bytes read as EBCDIC text: spaces, letters and line ends of code page 500 prevail."""
    text = sample.decode("cp500")
    plain = sum(char.isalnum() or char in " \n\r\t\x85.,;:'\"()-" for char in text)
    return "\0" not in text and plain > 0.95 * len(text) and text.count(" ") > len(text) // 20
