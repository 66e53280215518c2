"""What a zygote is exec'd with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import collatio
from collatio.runtime.sandbox.launch import environment, import_path

if TYPE_CHECKING:
    import pytest


def test_the_environment_is_made_not_inherited() -> None:
    """No credential is handed on; what the loader needs is."""
    inherited = {"AWS_SECRET_ACCESS_KEY": "x", "PATH": "/bin", "HOME": "/", "LD_LIBRARY_PATH": "/opt/lib"}
    made = environment(inherited)
    assert made["LD_LIBRARY_PATH"] == "/opt/lib"
    assert made["OMP_NUM_THREADS"] == "1"
    assert not {"AWS_SECRET_ACCESS_KEY", "PATH", "HOME"} & set(made)


def test_the_import_path_is_absolute_and_holds_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A zygote finds the same code from any working folder, from a clone as from a wheel."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    found = import_path([str(tmp_path / "extra"), str(tmp_path)])
    assert str(Path(collatio.__file__).parent.parent) in found
    assert str(tmp_path) in found
    assert str(tmp_path / "extra") not in found, "it does not exist"
    assert all(Path(entry).is_absolute() for entry in found)
    assert len(found) == len(set(found))
