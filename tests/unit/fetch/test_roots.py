"""`file:` URIs may name what lies beneath the configured roots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.roots import Roots

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "path",
    [
        "/other/a",
        "/data/../etc/passwd",
        "/data/..",
        "/database/a",
        "/data/a\x00b",
        "/data/one.pdf/x",
        "/",
        "/dat",
    ],
)
def test_a_path_that_leaves_the_roots_is_refused(path: str) -> None:
    """Neighbours, "..", NUL and everything else are PATH_OUTSIDE_ROOT without a look at the disk."""
    with pytest.raises(CollatioError) as caught:
        Roots(["/data/sub", "/files"]).place(path.encode())
    assert caught.value.reason is Reason.PATH_OUTSIDE_ROOT


def test_the_innermost_root_is_found() -> None:
    """A path has one root, the longest, and a remainder that is relative to it."""
    place = Roots(["/data", "/data/deep"]).place(b"/data/deep/a/b")
    assert (place.root.shown, place.remainder) == (b"/data/deep", b"a/b")


def test_a_root_may_be_a_link_and_is_resolved_once(folder: Path) -> None:
    """Both spellings of a linked root are accepted; what the link says later changes nothing."""
    (folder / "real").mkdir()
    link = folder / "link"
    link.symlink_to(folder / "real")
    roots = Roots([str(link)])
    link.unlink()
    link.symlink_to("/etc")
    for spelling in (link, folder / "real"):
        place = roots.place(bytes(spelling / "a"))
        assert (place.root.real, place.remainder) == (bytes(folder / "real"), b"a")


def test_a_root_that_is_not_absolute_is_a_fault_of_the_settings() -> None:
    """A relative root would depend on where a worker was started."""
    with pytest.raises(CollatioError) as caught:
        Roots(["documents"])
    assert caught.value.reason is Reason.SETTINGS_INVALID


def test_the_root_of_everything_works() -> None:
    """A root of "/" leaves no empty segment in the remainder."""
    assert Roots(["/"]).place(b"/etc/hosts").remainder == b"etc/hosts"
