"""Reads a page's words with their boxes out of pdfium, in the order of the page's content.

A word's box comes from the loose boxes of its first and last character (font ascent and descent), so words
of a line share one height whatever their letters. pdfium marks a hyphen that broke a word over two lines with
U+FFFE or U+0002; the halves are words of two lines and the first keeps a plain hyphen out.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any

import pypdfium2.raw as pdfium

from extract_svc.engine.formats.pdf.geometry import Frame, Segment, Word

_WORD = re.compile(r"[^\s\x02\ufffe\x00]+|[\x02\ufffe]|[\r\n]+")
_ENDS = "\r\n\x02\ufffe"
_GAP_EMS = 1.5


def page_text(text_page: Any) -> tuple[str, bool]:
    """Answer a page's text and whether its UTF-16 units are its characters one to one."""
    count = pdfium.FPDFText_CountChars(text_page)
    if count <= 0:
        return "", True
    buffer = (ctypes.c_ushort * (2 * count + 2))()
    units = pdfium.FPDFText_GetText(text_page, 0, count, buffer) - 1
    raw = bytes(memoryview(buffer).cast("B")[: 2 * max(units, 0)])
    text = raw.decode("utf-16-le", "replace")
    return text, units == count and len(text) == count


def read_words(text_page: Any, frame: Frame) -> tuple[list[Word], list[int]]:  # noqa: C901 - a call a word costs more than a long loop
    """Answer the words and, for each line, the index of its first character.

    This loop runs once a word of every PDF: names are local and comparisons stand in for min and max.
    """
    text, direct = page_text(text_page)
    units = _unit_offsets(text) if not direct else []
    words: list[Word] = []
    starts: list[int] = []
    line, fresh = -1, True
    rect = (ctypes.c_float * 4)()  # left, top, right, bottom, as in FS_RECTF
    pointer = ctypes.cast(rect, ctypes.POINTER(pdfium.FS_RECTF))
    loose, upright, char_index = (
        pdfium.FPDFText_GetLooseCharBox,
        frame.upright,
        pdfium.FPDFText_GetCharIndexFromTextIndex,
    )
    for found in _WORD.finditer(text):
        value = found[0]
        if value[0] in _ENDS:
            fresh = True
            continue
        first, last = found.span()
        last -= 1
        if not direct:
            first, last = char_index(text_page, units[first]), char_index(text_page, units[last])
        if first < 0 or not loose(text_page, first, pointer):
            continue
        x0, y1, x1, y0 = rect[:]
        if last > first and loose(text_page, last, pointer):
            left, top, right, bottom = rect[:]
            if left < x0:  # noqa: PLR1730 - a call of min costs more than the comparison
                x0 = left
            if bottom < y0:  # noqa: PLR1730 - same
                y0 = bottom
            if right > x1:  # noqa: PLR1730 - same
                x1 = right
            if top > y1:  # noqa: PLR1730 - same
                y1 = top
        if fresh:
            line, fresh = line + 1, False
            starts.append(first)
        words.append(Word(*upright(x0, y0, x1, y1), value, line))
    return words, starts


def _unit_offsets(text: str) -> list[int]:
    offsets, at = [], 0
    for char in text:
        offsets.append(at)
        at += 2 if ord(char) > 0xFFFF else 1
    return offsets


def segments_of(words: list[Word], text_page: Any, starts: list[int]) -> list[Segment]:
    """Cut each line where a gap or a step back is wider than words of one text leave."""
    segments: list[Segment] = []
    open_words: list[Word] = []
    last: Word | None = None
    for word in words:
        if last is not None and not _follows(last, word):
            segments.append(Segment(open_words))
            open_words = []
        open_words.append(word)
        last = word
    if open_words:
        segments.append(Segment(open_words))
    _mark_bold(segments, text_page, starts)
    return segments


def _follows(last: Word, word: Word) -> bool:
    """Whether a word stands in one text with the word before it."""
    if word.line != last.line:
        return False
    tall, height = last.bottom - last.top, word.bottom - word.top
    gap = word.x0 - last.x1
    larger, smaller = (tall, height) if tall > height else (height, tall)
    if not -2 * larger <= gap <= _GAP_EMS * larger:
        return False
    shared = 0.3 * smaller
    return last.bottom - word.top > shared and word.bottom - last.top > shared


def _mark_bold(segments: list[Segment], text_page: Any, starts: list[int]) -> None:
    buffer = ctypes.create_string_buffer(96)
    flags = ctypes.c_int()
    bold_lines: dict[int, bool] = {}
    for segment in segments:
        line = segment.words[0].line
        if line not in bold_lines:
            size = pdfium.FPDFText_GetFontInfo(text_page, starts[line], buffer, 96, ctypes.byref(flags))
            name = buffer.value.lower() if 0 < size <= 96 else b""
            bold_lines[line] = b"bold" in name or b"black" in name or b"heavy" in name
        segment.bold = bold_lines[line]
