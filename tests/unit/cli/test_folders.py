"""The caller's own files are found, and those that cannot be read are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collatio.cli.folders import file_uri, find_files
from collatio.cli.order import Input, read_input


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with files, a link and a pipe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for name in ("b.txt", "a.md", "sub/c.txt"):
        (tmp_path / "d" / name).write_text("x")
    (tmp_path / "d" / "link.txt").symlink_to(tmp_path / "d" / "b.txt")
    os.mkfifo(tmp_path / "d" / "pipe")
    return tmp_path / "d"


def test_folder_gives_its_regular_files_in_order(folder: Path) -> None:
    """Links and pipes inside a folder are passed over, as the mesh passes over them."""
    found = find_files(read_input("./d/"))
    assert [(each.name, each.relative_path) for each in found.files] == [
        ("d/a.md", "a.md"),
        ("d/b.txt", "b.txt"),
        ("d/sub/c.txt", "sub/c.txt"),
    ]
    assert found.failures == []


def test_globs_choose_within_a_folder_only(folder: Path) -> None:
    """A file that was named is taken whatever the globs say."""
    assert [each.name for each in find_files(read_input("d"), ["*.txt"], ["sub/"]).files] == ["d/b.txt"]
    assert [each.name for each in find_files(read_input("d/a.md"), ["*.txt"]).files] == ["d/a.md"]


def test_named_link_is_followed(folder: Path) -> None:
    """Who names a link means what it leads to."""
    assert len(find_files(read_input("d/link.txt")).files) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none", "SOURCE_NOT_FOUND"), ("d/a.md/x", "SOURCE_NOT_FOUND"), ("d/pipe", "SOURCE_NOT_A_FILE")],
)
def test_unreadable_path_is_a_failure(folder: Path, name: str, reason: str) -> None:
    """It becomes a failed document, with the reason the mesh itself would give."""
    found = find_files(read_input(name))
    assert [(each.uri, each.failure.reason, each.failure.stage) for each in found.failures] == [
        (name, reason, "fetch")
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_without_permission_is_a_failure(folder: Path) -> None:
    """A folder below that cannot be listed is told, and the rest is found."""
    (folder / "sub").chmod(0)
    found = find_files(read_input("d"))
    (folder / "sub").chmod(0o755)
    assert [(each.uri, each.failure.reason) for each in found.failures] == [
        ("d/sub", "SOURCE_PERMISSION_DENIED")
    ]
    assert len(found.files) == 2


def test_uri_has_no_files() -> None:
    """Only paths can be walked."""
    with pytest.raises(ValueError, match="not a path"):
        find_files(Input("s3://b/"))


def test_file_uri_is_spelled_as_the_mesh_spells_it(folder: Path) -> None:
    """Percent-encoding keeps what RFC 3986 allows in a path; a folder ends in a slash."""
    odd = folder / "ä #%?@.txt"
    odd.touch()
    assert file_uri(odd) == f"file://{folder}/%C3%A4%20%23%25%3F@.txt"
    assert file_uri(folder) == f"file://{folder}/"
    assert file_uri(Path("/")) == "file:///"
    assert file_uri(Path(os.fsdecode(b"/x\xff"))) == "file:///x%FF"
