"""Encodings that can be told by the form of the bytes alone: byte order marks, UTF-16 and UTF-32, EBCDIC."""

from __future__ import annotations

import codecs

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""The marks and what they mean, the longer of two that begin alike first."""

_CONTROL = bytes(sorted(set(range(9)) | set(range(14, 27)) | {28, 29, 30, 31}))


def wide(data: bytes) -> str:
    """Tell UTF-16 and UTF-32 without a mark by where their zero bytes stand; "" for neither."""
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
        return _if_readable(sample, "utf-16-le", 0.9)
    if zeros[0] > low and zeros[2] > low and zeros[1] < 0.05 and zeros[3] < 0.05:
        return _if_readable(sample, "utf-16-be", 0.9)
    return _wide_script(data[: len(sample) // 2 * 2][:1024])


def _wide_script(sample: bytes) -> str:
    """Tell UTF-16 of other scripts: the high bytes of a text are few, and what they make is readable."""
    evens, odds = len(set(sample[::2])), len(set(sample[1::2]))
    encoding = "utf-16-le" if odds * 4 <= evens else "utf-16-be" if evens * 4 <= odds else ""
    return _if_readable(sample, encoding, 0.98) if encoding else ""


def _if_readable(sample: bytes, encoding: str, share: float) -> str:
    text = sample[: len(sample) // 2 * 2].decode(encoding, "replace")
    readable = sum(char.isspace() or (char.isprintable() and char != "\ufffd") for char in text)
    return encoding if text and readable >= share * len(text) else ""


def ebcdic(sample: bytes) -> bool:
    """Whether bytes read as EBCDIC text: spaces, letters and line ends of code page 500 prevail."""
    text = sample.decode("cp500")
    plain = sum(char.isalnum() or char in " \n\r\t\x85.,;:'\"()-" for char in text)
    return "\0" not in text and plain > 0.95 * len(text) and text.count(" ") > len(text) // 20


def looks_textual(data: bytes) -> bool:
    """Whether bytes without a known signature read as text in some encoding."""
    sample = data[:4096]
    if not sample or sample.startswith(tuple(mark for mark, _ in BOMS)) or wide(sample):
        return True
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    if controls == 0:
        return True
    try:
        sample[:-3].decode("utf-8") if len(data) > len(sample) else sample.decode("utf-8")
    except UnicodeDecodeError:
        return ebcdic(sample)
    return sample.count(0) == 0 and controls < len(sample) // 20
