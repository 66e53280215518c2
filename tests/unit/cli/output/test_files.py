"""Files are whole or absent, and lines leave sorted."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from collatio.cli.output.files import Spool, line, replacing


def test_line_is_compact_utf_8() -> None:
    """One line whatever the text holds; a lone surrogate does not stop it."""
    text = line({"a": "ä\n\u2028", "b": "\udcff"})
    assert text == '{"a":"ä\\n\u2028","b":"?"}\n'.encode()
    assert json.loads(text)["a"] == "ä\n\u2028"


def test_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """A reader sees the old file or the new one, never half of one."""
    place = tmp_path / "x"
    place.write_text("old")
    with replacing(place) as file:
        file.write(b"new")
        file.flush()
        assert place.read_text() == "old"
    assert place.read_text() == "new"
    assert os.listdir(tmp_path) == ["x"]  # noqa: PTH208 - hidden files count


def test_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """Nothing is left of a file that was not finished."""
    place = tmp_path / "x"
    place.write_text("old")

    def write() -> None:
        with replacing(place) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert place.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]  # noqa: PTH208 - hidden files count


def test_link_is_kept_and_its_target_replaced(tmp_path: Path) -> None:
    """A link that somebody laid stays a link."""
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_pipe_is_written_as_it_stands(tmp_path: Path) -> None:
    """What is not a regular file cannot be replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with replacing(pipe) as file:
        file.write(b"new")
    reader.join(10)
    assert read == [b"new"]


def test_permissions_are_the_user_s_own(tmp_path: Path) -> None:
    """The umask decides, as for any file."""
    with replacing(tmp_path / "x") as file:
        file.write(b"")
    (tmp_path / "plain").touch()
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_spool_sorts_without_holding_the_lines(tmp_path: Path) -> None:
    """Lines leave in the order of their keys, and the folder shows nothing of it."""
    with Spool(tmp_path) as spool, (tmp_path / "out").open("wb") as out:
        for number in (3, 1, 2):
            spool.add((str(number), ""), f"{number}\n".encode() * number)
        spool.copy_to(out)
        assert os.listdir(tmp_path) == ["out"]  # noqa: PTH208 - hidden files count
    assert (tmp_path / "out").read_text() == "1\n2\n2\n3\n3\n3\n"
