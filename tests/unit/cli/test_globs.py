"""Globs choose for uploads what the mesh would choose for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collatio.cli.globs import chooser
from fetch_svc.engine.globs import compile_globs

PATHS = [
    "a.txt",
    "b.docx",
    ".hidden",
    "sub/a.txt",
    "sub/deep/a.txt",
    "sub/deep/c.docx",
    "drafts/x.txt",
    "sub/drafts/y.txt",
    "drafts",
]


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("*.docx", ["b.docx", "sub/deep/c.docx"]),
        ("**/*.docx", ["b.docx", "sub/deep/c.docx"]),
        ("/*.docx", ["b.docx"]),
        ("sub/*", ["sub/a.txt"]),
        ("sub/**", ["sub/a.txt", "sub/deep/a.txt", "sub/deep/c.docx", "sub/drafts/y.txt"]),
        ("sub/**/a.txt", ["sub/a.txt", "sub/deep/a.txt"]),
        ("drafts/", ["drafts/x.txt", "sub/drafts/y.txt"]),
        ("/drafts/", ["drafts/x.txt"]),
        ("[ab].*", ["a.txt", "b.docx", "sub/a.txt", "sub/deep/a.txt"]),
        (".*", [".hidden"]),
        ("A.TXT", []),
    ],
)
def test_glob_means_what_the_rules_say(pattern: str, chosen: list[str]) -> None:
    """Each rule, by example."""
    wants = chooser([pattern], [])
    assert [path for path in PATHS if wants(path)] == chosen


def test_exclude_wins() -> None:
    """What is left out stays out."""
    wants = chooser(["*.txt"], ["sub/"])
    assert [path for path in PATHS if wants(path)] == ["a.txt", "drafts/x.txt"]


def test_empty_glob_is_refused() -> None:
    """It would name nothing, or all."""
    with pytest.raises(ValueError, match="not a glob"):
        chooser(["/"], [])


PARTS = st.sampled_from(["a", "b.txt", "*", "**", "*.txt", "?", "[ab]*"])
PATTERNS = st.builds(
    lambda lead, parts, tail: lead + "/".join(parts) + tail,
    st.sampled_from(["", "/"]),
    st.lists(PARTS, min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
)
NAMES = st.lists(st.sampled_from(["a", "b", "b.txt", "ab.txt", "c"]), min_size=1, max_size=4).map("/".join)


@given(pattern=PATTERNS, path=NAMES)
def test_mesh_and_upload_choose_alike(pattern: str, path: str) -> None:
    """The same glob takes the same files, whether the mesh lists a folder or its files are uploaded."""
    assert chooser([pattern], [])(path) == compile_globs([pattern]).wants(path)
