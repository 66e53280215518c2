"""Cuts text into words and tells which words are the same.

Rules:
1. A token is a word, a number with its inner punctuation ("1,000.00", "2026-05-03"), or one other character
   that is not white space. Combining marks, soft hyphens and joiners belong to the word they stand in.
2. Scripts that write no spaces between words (Han, kana, Thai, Lao, Khmer, Myanmar) give a token a character:
   a dictionary would segment better, but differently from version to version, and a diff by character reads
   well in all of them.
3. Tokens that differ only in how they are encoded (compatibility forms, ligatures, curly quotes, kinds of
   dashes, invisible characters) share an id: they count as the same word, and the difference is reported as
   an artefact.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import chain

_SPACELESS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ec6\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_NUMBER = r"\d+(?:[.,:/-]\d+)+"
_ASCII = re.compile(rf"{_NUMBER}|\w+(?:'\w+)*|[^\w\s]")
_SQUASHED_AWAY = re.compile(rf"[\s{_INVISIBLE}]+")
_HYPHENS = str.maketrans("", "", "-\u2010\u2011")
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u0060\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u2022\u2023\u25cf\u25aa\u25e6\u2043\u2219\u00b7\uf0b7\uf0a7", "\u2022"),
    }
)
_MARK_RANGES = ((0x0300, 0x3100), (0xA66F, 0xAC00), (0xFB1E, 0xFE30), (0x10A00, 0x12000), (0x1E000, 0x1E950))
"""Where combining marks live; scanning all of Unicode for them would take fifty times as long."""


class Vocabulary(dict[str, int]):
    """Numbers tokens as they are first seen; tokens that mean the same word get the same number.

    `is_word` has a flag for each number: whether the token holds a letter or a digit.
    """

    __slots__ = ("_case", "_numbers", "is_word")

    def __init__(self, *, ignore_case: bool) -> None:
        super().__init__()
        self._case = ignore_case
        self._numbers: dict[str, int] = {}
        self.is_word = bytearray()

    def __missing__(self, token: str) -> int:
        key = fold(token)
        if self._case:
            key = key.casefold()
        number = self._numbers.setdefault(key, len(self._numbers))
        if number == len(self.is_word):
            self.is_word.append(any(character.isalnum() for character in token))
        self[token] = number
        return number

    @property
    def size(self) -> int:
        """How many different words it knows."""
        return len(self._numbers)


def tokens(text: str) -> list[str]:
    """List a text's tokens in order, as they stand."""
    return _ASCII.findall(text) if text.isascii() else _unicode_pattern().findall(text)


def words_in(text: str) -> int:
    """Count a text's words: the tokens that hold a letter or a figure."""
    return sum(any(character.isalnum() for character in token) for token in tokens(text))


def spans(text: str) -> list[tuple[int, int]]:
    """Give each token's begin and end in the text, in code points."""
    pattern = _ASCII if text.isascii() else _unicode_pattern()
    return [match.span() for match in pattern.finditer(text)]


def fold(text: str) -> str:
    """Undo differences of encoding: compatibility forms, quotes, dashes, bullets, invisible characters."""
    if text.isascii():
        return text.replace("`", "'")
    folded = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return re.sub(rf"[{_INVISIBLE}]+", "", folded)


def squash(text: str) -> str:
    """Fold a text and drop its white space: what remains differs only where the content does."""
    return _SQUASHED_AWAY.sub("", fold(text))


def without_hyphens(squashed: str) -> str:
    """Drop hyphens from a squashed text."""
    return squashed.translate(_HYPHENS)


@cache
def _unicode_pattern() -> re.Pattern[str]:
    """Make the token pattern for text beyond ASCII; the table of marks is built on first use."""
    marks = "".join(
        chr(code)
        for code in chain.from_iterable(range(*bounds) for bounds in _MARK_RANGES)
        if unicodedata.category(chr(code)).startswith("M")
    )
    part = rf"(?:[^\W{_SPACELESS}]|[{marks}{_INVISIBLE}])"
    word = rf"[^\W{_SPACELESS}]{part}*(?:['\u2019]{part}+)*"
    return re.compile(rf"{_NUMBER}|[{_SPACELESS}][{marks}{_INVISIBLE}]*|{word}|[^\w\s{_INVISIBLE}]")
