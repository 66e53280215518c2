"""Which paths a sandbox may read, where the import path holds more than code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from collatio.runtime.sandbox.child.readable import readable_paths

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_loose_folder_gives_its_code_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder on the import path that also holds data does not give the data away."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / "module.py").touch()
    (tmp_path / "secrets.env").touch()
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    found = {path for path in readable_paths(()) if path.startswith(str(tmp_path))}
    assert found == {str(package), str(tmp_path / "module.py")}


def test_installed_packages_are_readable_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data files of installed packages can be read."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    assert str(site) in readable_paths(())


def test_an_operator_may_add_paths() -> None:
    """A plug-in's model folder is added by name, and nothing is listed twice."""
    found = readable_paths(["/srv/models", "/srv/models"])
    assert found.count("/srv/models") == 1
    assert len(found) == len(set(found))


def test_no_root_home_or_temporary_folder_is_readable() -> None:
    """What belongs to people and other programs is not on the list."""
    assert not {"/", "/etc", "/home", "/root", "/tmp", "/var", "/proc", "/usr"} & set(readable_paths(()))
