"""The package's front: a version, and a client that is loaded when it is asked for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import collatio
from collatio.client import Client

ROOT = Path(__file__).resolve().parents[3]


def test_version_is_the_distribution_s() -> None:
    """The version is stated in two places, which agree."""
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert collatio.__version__ == stated


def test_client_is_offered_at_the_top() -> None:
    """`from collatio import Client` is what a caller writes."""
    assert collatio.Client is Client


def test_unknown_name_is_an_attribute_error() -> None:
    """The lazy door opens for the client alone."""
    with pytest.raises(AttributeError, match="nothing"):
        collatio.nothing  # noqa: B018 - the access is the test


def test_import_is_cheap() -> None:
    """Importing the package loads no gRPC."""
    code = "import sys, collatio; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
