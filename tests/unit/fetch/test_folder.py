"""Folders are listed a page at a time, in one order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from collatio.plugins.sources import PAGE_ENTRIES_MAX
from collatio.runtime.errors import Reason
from fetch_svc.sources.file import FileSource
from fetch_svc.sources.folder import BIG_FOLDER_NAMES, DEPTH_MAX
from fetch_svc.sources.roots import Roots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collatio.plugins.sources import Listing


def pages(root: Path, between: Callable[[int], None] = lambda _: None) -> list[Listing]:
    """List a folder to its end, each page by a source of its own, as other processes would."""
    listed: list[Listing] = []
    token = None
    while True:
        source = FileSource(Roots([str(root)]), bytes_max=1 << 20)
        listed.append(asyncio.run(source.list(f"file://{root}", token)))
        token = listed[-1].next_page_token
        if token is None:
            return listed
        between(len(listed))


def paths(listed: list[Listing]) -> list[str]:
    """Return all relative paths, in order."""
    return [entry.relative_path for page in listed for entry in page.entries]


def fill(root: Path, *names: str) -> None:
    """Make empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_a_big_tree_comes_in_bounded_pages_in_byte_order(folder: Path) -> None:
    """Every file comes once, sorted by the bytes of its path, at most `PAGE_ENTRIES_MAX` a page."""
    names = [
        f"{a}{sep}{n:03d}.txt" for a in ("a", "a.b", "a/b", "z") for sep in ("/", "-") for n in range(400)
    ]
    fill(folder, *names)
    listed = pages(folder)
    assert paths(listed) == sorted(names)
    assert [len(page.entries) for page in listed] == [PAGE_ENTRIES_MAX] * 3 + [200]


def test_a_page_that_is_just_full_is_the_last(folder: Path) -> None:
    """No empty page follows a folder of exactly a page."""
    fill(folder, *(f"{n:04d}" for n in range(PAGE_ENTRIES_MAX)))
    assert len(pages(folder)) == 1


def test_files_that_come_and_go_disturb_no_others(folder: Path) -> None:
    """Between two pages, even the last file given may vanish; the rest still comes once."""
    names = [f"d{n % 7}/{n:04d}" for n in range(BIG_FOLDER_NAMES + 500)]
    fill(folder, *names)
    given: list[str] = []

    def disturb(page: int) -> None:
        last = sorted(names)[page * PAGE_ENTRIES_MAX - 1]
        (folder / last).unlink()
        fill(folder, f"a-new-{page}", f"z-new-{page}")

    given = paths(pages(folder, disturb))
    assert len(given) == len(set(given))
    assert set(given) >= set(names)
    assert {name for name in given if "new" in name} >= {"z-new-1"}


def test_a_vanished_folder_does_not_end_the_listing(folder: Path) -> None:
    """A token inside a folder that is gone goes on behind it."""
    fill(folder, *(f"a/{n:04d}" for n in range(PAGE_ENTRIES_MAX)), "b/x")

    def remove(_: int) -> None:
        for path in (folder / "a").iterdir():
            path.unlink()
        (folder / "a").rmdir()

    assert paths(pages(folder, remove))[-1] == "b/x"


def test_links_are_passed_over(folder: Path) -> None:
    """Neither a linked file nor a linked folder is listed, and a loop of links ends nothing."""
    fill(folder, "a/x")
    (folder / "a/loop").symlink_to(folder)
    (folder / "file").symlink_to("a/x")
    assert paths(pages(folder)) == ["a/x"]


def test_a_bottomless_folder_is_a_failure(folder: Path) -> None:
    """Beyond the depth that is walked, the folder is named as a failure and the others are listed."""
    (folder / ("d/" * (DEPTH_MAX + 2))).mkdir(parents=True)
    fill(folder, "z")
    (listing,) = pages(folder)
    assert [entry.relative_path for entry in listing.entries] == ["z"]
    assert [failure.error.reason for failure in listing.failures] == [Reason.NESTING_LIMIT]


def test_an_empty_folder_is_an_empty_listing(folder: Path) -> None:
    """Nothing in a folder is not an error of the source."""
    (listing,) = pages(folder)
    assert (listing.entries, listing.failures, listing.next_page_token) == ((), (), None)


def test_a_failure_is_told_once_across_pages(folder: Path) -> None:
    """A page may end on a failure; the next one begins behind it."""
    names = [f"a{n:04d}" for n in range(PAGE_ENTRIES_MAX - 1)]
    fill(folder, *names, "z")
    deep = folder / ("m/" + "d/" * DEPTH_MAX)
    deep.mkdir(parents=True)
    listed = pages(folder)
    assert len(listed) == 2
    assert [failure.error.reason for page in listed for failure in page.failures] == [Reason.NESTING_LIMIT]
    assert paths(listed) == [*names, "z"]
