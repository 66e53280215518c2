"""A data folder is made, recognised, locked, and never a stranger's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from collatio.local.folder import open_folder
from collatio.runtime.errors import CollatioError, Reason


def refusal(path: Path, state: str = "embedded") -> str:
    """Open a folder that must be refused and return what is said."""
    with pytest.raises(CollatioError) as caught:
        open_folder(path, state)  # type: ignore[arg-type]  # the parameter is a literal in life
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_new_folder_is_made_with_its_parents_for_its_user_only(tmp_path: Path) -> None:
    """Documents in a data folder are private."""
    folder = open_folder(tmp_path / "a" / "b", "embedded")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.blobs.is_dir()
    assert folder.logs.is_dir()
    assert not folder.temporary
    folder.close(remove=True)
    assert folder.path.is_dir()


def test_a_folder_is_opened_again_after_it_was_closed(tmp_path: Path) -> None:
    """The next run finds the last one's data."""
    open_folder(tmp_path, "embedded").close(remove=False)
    open_folder(tmp_path, "embedded").close(remove=False)


def test_a_temporary_folder_is_removed_unless_it_is_to_be_kept() -> None:
    """Nothing stays behind without being asked for."""
    kept = open_folder(None, "embedded")
    kept.close(remove=False)
    assert kept.path.is_dir()
    shutil.rmtree(kept.path)
    gone = open_folder(None, "embedded")
    gone.close(remove=True)
    assert not gone.path.exists()


def test_a_folder_in_use_is_refused_with_the_holder(tmp_path: Path) -> None:
    """Two meshes never share a data folder."""
    folder = open_folder(tmp_path, "embedded")
    assert f"in use by another mesh (process {os.getpid()})" in refusal(tmp_path)
    folder.close(remove=False)


def test_a_file_is_refused(tmp_path: Path) -> None:
    """A file cannot hold a mesh."""
    (tmp_path / "file").write_text("x")
    assert "is not a folder" in refusal(tmp_path / "file")
    assert "cannot be used (Not a directory)" in refusal(tmp_path / "file" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    """The person learns that it cannot be written."""
    tmp_path.chmod(0o500)
    assert "cannot be used (Permission denied)" in refusal(tmp_path)


def test_a_read_only_place_is_refused() -> None:
    """A place where nothing can be made is named with its cause."""
    assert "name a writable folder with --data" in refusal(Path("/proc/collatio"))


def test_a_strangers_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A mistyped --data never mixes our files with a person's."""
    (tmp_path / "thesis.docx").write_text("x")
    assert "holds other files and no collatio data" in refusal(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_folder_of_another_kind_of_store_is_refused(tmp_path: Path) -> None:
    """Blobs and ledger always belong together."""
    open_folder(tmp_path, "external").close(remove=False)
    assert "belongs to an external Valkey" in refusal(tmp_path)


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    """A format we do not know is not touched."""
    (tmp_path / "mesh.json").write_text('{"format": 2, "state": "embedded"}')
    assert "written by another version (format 2" in refusal(tmp_path)


def test_a_damaged_marker_is_refused_and_the_folder_let_go(tmp_path: Path) -> None:
    """After a refusal the folder is not left locked."""
    (tmp_path / "mesh.json").write_text("{")
    assert "is damaged" in refusal(tmp_path)
    (tmp_path / "mesh.json").unlink()
    open_folder(tmp_path, "embedded").close(remove=False)
