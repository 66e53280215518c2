"""Words: how text is cut, and which words are the same."""

from __future__ import annotations

import pytest

from compare_svc.engine.words import Vocabulary, fold, spans, squash, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pay 1,000.00 USD by 2026-05-03.", ["Pay", "1,000.00", "USD", "by", "2026-05-03", "."]),
        ("don't (stop)", ["don't", "(", "stop", ")"]),
        ("日本語です", ["日", "本", "語", "で", "す"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("हिन्दी", ["हिन्दी"]),
        ("so\u00adme", ["so\u00adme"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_text_is_cut_into_words_numbers_and_signs(text: str, expected: list[str]) -> None:
    """Words keep their marks and apostrophes, numbers their separators; scripts without spaces go by character."""
    assert tokens(text) == expected


@pytest.mark.parametrize("text", ["a b", "ﬁnd “x” \u2013 y", "ภาษาไทย ok", "a\u200bb"])
def test_spans_cover_exactly_the_tokens(text: str) -> None:
    """Offsets and tokens agree, so that places are true."""
    assert [text[begin:end] for begin, end in spans(text)] == tokens(text)


def test_words_that_differ_in_encoding_share_a_number() -> None:
    """Ligatures, compatibility forms, quotes and invisible characters do not make another word."""
    vocabulary = Vocabulary(ignore_case=False)
    assert vocabulary["ﬁnd"] == vocabulary["find"]
    assert vocabulary["so\u00adme"] == vocabulary["some"]
    assert vocabulary["don\u2019t"] == vocabulary["don't"]
    assert vocabulary["Find"] != vocabulary["find"]


def test_case_is_the_same_word_only_when_ignored() -> None:
    """Upper and lower case differ unless the caller says otherwise."""
    vocabulary = Vocabulary(ignore_case=True)
    assert vocabulary["STRASSE"] == vocabulary["straße"]


def test_signs_are_not_counted_as_words() -> None:
    """Punctuation takes part in the alignment but not in word counts."""
    vocabulary = Vocabulary(ignore_case=False)
    flags = [vocabulary.is_word[vocabulary[token]] for token in ("word", ".", "7", "_")]
    assert flags == [1, 0, 1, 0]


def test_squash_leaves_only_content() -> None:
    """White space and encoding are gone, letters and signs are not."""
    assert squash("“ﬁ nd”\u00a0it") == '"find"it'
    assert fold("a \u2013 b") == "a - b"
