"""The archive of the protos: everything a caller's generator needs, and the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import grpc_tools

from tests.support.places import ROOT


def make(folder: Path) -> Path:
    """Write the archive."""
    argv = [sys.executable, str(ROOT / "protos" / "archive.py"), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """No time and no owner of this machine is in it."""
    assert make(tmp_path / "a").read_bytes() == make(tmp_path / "b").read_bytes()


def test_code_can_be_generated_from_it_alone(tmp_path: Path) -> None:
    """It compiles with nothing besides what every protoc brings."""
    with tarfile.open(make(tmp_path)) as tar:
        tar.extractall(tmp_path, filter="data")
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    protos = sorted(str(path) for path in folder.rglob("*.proto"))
    assert len(protos) == 5
    google = Path(grpc_tools.__file__).parent / "_proto"
    argv = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(folder), "-I", str(google)]
    subprocess.run([*argv, f"--descriptor_set_out={tmp_path / 'all.binpb'}", *protos], check=True)
    assert (tmp_path / "all.binpb").stat().st_size > 10_000
