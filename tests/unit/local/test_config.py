"""MeshConfig refuses what cannot work, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from collatio.local.config import MeshConfig
from collatio.runtime.errors import CollatioError, Reason


def test_defaults_are_accepted() -> None:
    """A mesh needs no setting."""
    MeshConfig().check()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_accepted(host: str) -> None:
    """Every way to write loopback is loopback."""
    MeshConfig(host=host).check()


def test_every_fault_is_said_in_one_line() -> None:
    """A person corrects all faults after one try."""
    config = MeshConfig(port=0, host="0.0.0.0", roots=(Path("/a:b"),), compare_workers=0)
    with pytest.raises(CollatioError) as caught:
        config.check()
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert "\n" not in caught.value.message
    for fault in ("port 0", "loopback only", "/a:b", "compare is 0"):
        assert fault in caught.value.message
