"""Globs choose files by their relative path."""

from __future__ import annotations

import time

import pytest

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.engine.globs import PATTERNS_MAX, compile_globs


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("**/*.docx", "a.docx", True),
        ("**/*.docx", "x/y/a.docx", True),
        ("**/*.docx", "x/a.doc", False),
        ("*.docx", "x/a.docx", True),
        ("/*.docx", "a.docx", True),
        ("/*.docx", "x/a.docx", False),
        ("x/*.docx", "x/a.docx", True),
        ("x/*.docx", "x/y/a.docx", False),
        ("x/**/a", "x/a", True),
        ("x/**/a", "x/y/z/a", True),
        ("x/**", "x/y/z", True),
        ("x/**", "x", False),
        ("drafts/", "drafts/a", True),
        ("drafts/", "old/drafts/b/a", True),
        ("drafts/", "drafts", False),
        ("old/drafts/", "new/old/drafts/a", False),
        ("**", "a/b", True),
        ("a?c", "abc", True),
        ("a?c/x", "a/c/x", False),
        ("[ab].txt", "b.txt", True),
        ("[!ab].txt", "b.txt", False),
        ("A.txt", "a.txt", False),
        ("*.txt", ".hidden.txt", True),
        ("*", ".git/config", True),
        ("a[", "a[", True),
    ],
)
def test_a_pattern_matches_segment_by_segment(pattern: str, path: str, wanted: bool) -> None:
    """Stars stay within a segment, `**` spans segments, and hidden files are files."""
    assert compile_globs([pattern]).wants(path) is wanted


def test_exclude_wins_over_include() -> None:
    """A file that both lists match is left out; without include, all others are wanted."""
    both = compile_globs(["**/*.docx"], ["drafts/**"])
    assert both.wants("a.docx")
    assert not both.wants("drafts/a.docx")
    assert compile_globs([], ["*.tmp"]).wants("a.docx")


@pytest.mark.parametrize("patterns", [[""], ["/"], ["x" * 2000], ["*"] * (PATTERNS_MAX + 1)])
def test_a_pattern_out_of_bounds_is_named(patterns: list[str]) -> None:
    """Too many, too long or empty globs are INVALID_REQUEST with the field's name."""
    with pytest.raises(CollatioError) as caught:
        compile_globs(exclude=patterns)
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert caught.value.violations[0].field.startswith("exclude")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("a*" * 500 + "b", "a" * 4000),
        ("/".join(["**", "*a"] * 170) + "/z", "/".join(["a"] * 2000)),
        ("*" * 1000 + "b", "a" * 4000),
        ("[a-z]*" * 160 + "0", "a" * 4000),
    ],
)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    """A pattern made to backtrack is answered within a fraction of a second of CPU time."""
    globs = compile_globs([pattern])
    before = time.process_time()
    assert not globs.wants(path)
    assert time.process_time() - before < 0.5
