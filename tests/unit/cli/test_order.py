"""What was typed becomes an order, or a sentence that says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from collatio.cli.order import Input, Mode, choose_mode, read_input, read_list, read_pairs, with_pairs


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "text", ["https://a/b", "s3://b/k", "blob:sha256:00", "file:///x", "foo:bar", "A1+-.:x"]
)
def test_uri_is_the_mesh_s(text: str) -> None:
    """What has a scheme and is not here is a URI."""
    assert read_input(text) == Input(text)


@pytest.mark.parametrize("text", ["a.txt", "./a:b", "../x", "/abs", "1a:b", "-"])
def test_path_is_the_caller_s(text: str, here: Path) -> None:
    """What has no scheme is a path, whether it exists or not."""
    path = read_input(text).path
    assert path is not None
    assert path.is_absolute()
    assert ".." not in path.parts


def test_what_exists_is_a_path(here: Path) -> None:
    """A file that looks like a URI is a file."""
    (here / "notes:today").touch()
    assert read_input("notes:today").path == here / "notes:today"


def test_links_are_not_resolved(here: Path) -> None:
    """What is shown later is what was typed."""
    (here / "link").symlink_to("/etc")
    assert read_input("link").path == here / "link"


def test_empty_name_is_refused() -> None:
    """It would name the working directory."""
    with pytest.raises(ValueError, match="empty"):
        read_input(" ")


def test_list_passes_over_comments_and_blanks() -> None:
    """A list of names may explain itself; spaces inside a name stay."""
    assert read_list(["a b\n", "\n", "# no\n", " \n", "c\r\n"]) == ["a b", "c"]


def test_pairs_are_parted_by_tab_or_comma() -> None:
    """A tab wins, so that names may hold commas."""
    pairs = read_pairs(["a,b\n", "# no\n", "\n", "x, y\tz\n"])
    assert [(left.text, right.text) for left, right in pairs] == [("a", "b"), ("x, y", "z")]


@pytest.mark.parametrize("line", ["alone", "a,", "\tb", "a\tb\tc"])
def test_bad_pair_is_told_by_its_line(line: str) -> None:
    """The line's number says where to look."""
    with pytest.raises(ValueError, match="line 2"):
        read_pairs(["a,b", line])


def test_no_pairs_is_told() -> None:
    """An empty list of pairs is a mistake."""
    with pytest.raises(ValueError, match="no pairs"):
        read_pairs(["# nothing"])


@pytest.mark.parametrize(
    ("mode", "baseline", "pairs", "chosen"),
    [
        (None, False, False, Mode.ALL_PAIRS),
        (None, True, False, Mode.BASELINE),
        (None, False, True, Mode.EXPLICIT),
        (Mode.BASELINE, True, False, Mode.BASELINE),
        (Mode.EXPLICIT, False, True, Mode.EXPLICIT),
        (Mode.NONE, False, False, Mode.NONE),
    ],
)
def test_mode_is_named_or_implied(mode: Mode | None, baseline: bool, pairs: bool, chosen: Mode) -> None:
    """What is given says what is wanted."""
    assert choose_mode(mode, has_baseline=baseline, has_pairs=pairs) is chosen


@pytest.mark.parametrize(
    ("mode", "baseline", "pairs"),
    [
        (None, True, True),
        (Mode.VERSIONS, True, False),
        (Mode.VERSIONS, False, True),
        (Mode.BASELINE, False, False),
        (Mode.EXPLICIT, False, False),
    ],
)
def test_contradictions_are_refused(mode: Mode | None, baseline: bool, pairs: bool) -> None:
    """Nothing is guessed where two wishes contradict each other."""
    with pytest.raises(ValueError, match="--"):
        choose_mode(mode, has_baseline=baseline, has_pairs=pairs)


def test_pairs_add_only_what_nothing_holds() -> None:
    """A document of a folder that was named is not fetched twice."""
    inputs = [read_input("docs"), read_input("./docs"), read_input("s3://b/p/")]
    pairs = read_pairs(["docs/a,s3://b/p/x", "docsx,s3://b/q", "docsx,docs/sub/b"])
    assert [each.text for each in with_pairs(inputs, pairs)] == ["docs", "s3://b/p/", "docsx", "s3://b/q"]
