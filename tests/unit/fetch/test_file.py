"""`file:` URIs: the rules of RELIABILITY section 4, row 23, and the fast way through."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collatio.plugins.sources import SourceContext
from collatio.plugins.testing.sources import TableHttp, check_source
from collatio.runtime.errors import CollatioError, Reason
from fetch_svc.sources.beneath import OpenByKernel, best_opener, open_by_component
from fetch_svc.sources.file import FileSource, make
from fetch_svc.sources.roots import Roots

if TYPE_CHECKING:
    from collections.abc import Callable

    from fetch_svc.sources.beneath import Opener

SECRET = b"not for you"
OPENERS: list[Opener] = [open_by_component]
if isinstance(best_opener(), OpenByKernel):
    OPENERS.append(OpenByKernel())


@pytest.fixture(params=OPENERS, ids=lambda opener: getattr(opener, "__name__", type(opener).__name__))
def opener(request: pytest.FixtureRequest) -> Opener:
    """Give each way of opening beneath a root that works here."""
    chosen: Opener = request.param
    return chosen


def source_of(*roots: Path, opener: Opener | None = None, bytes_max: int = 1 << 20) -> FileSource:
    """Return a source of these roots."""
    return FileSource(Roots([str(root) for root in roots]), bytes_max=bytes_max, opener=opener)


def reason_of(source: FileSource, uri: str) -> Reason:
    """Return the reason a URI cannot be opened for, the same whether opened, listed or stated."""
    reasons = set()
    for attempt in (
        lambda: source.open_local(uri),
        lambda: asyncio.run(source.stat(uri)),
        lambda: asyncio.run(source.list(uri)),
    ):
        with pytest.raises(CollatioError) as caught:
            attempt()
        reasons.add(caught.value.reason)
    assert len(reasons) == 1
    return reasons.pop()


@pytest.fixture
def tree(folder: Path) -> Path:
    """Make a root with a file, beside a secret that it does not hold."""
    root = folder / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub/a.txt").write_bytes(b"hello")
    (folder / "secret").mkdir()
    (folder / "secret/s.txt").write_bytes(SECRET)
    return root


@pytest.mark.parametrize(
    "path",
    [
        "/../secret/s.txt",
        "/%2e%2e/secret/s.txt",
        "/sub/..%2f..%2fsecret/s.txt",
        "/sub/a.txt%00.pdf",
        "/file-link",
        "/folder-link/s.txt",
        "/folder-link",
        "/inner-link",
        "/loop",
        "/../nowhere",
        "/fd-link",
    ],
)
def test_a_path_that_leads_out_is_refused(tree: Path, path: str, opener: Opener) -> None:
    """Dots, NUL and links, also those that stay inside, are PATH_OUTSIDE_ROOT."""
    (tree / "file-link").symlink_to(tree.parent / "secret/s.txt")
    (tree / "folder-link").symlink_to(tree.parent / "secret")
    (tree / "inner-link").symlink_to("sub/a.txt")
    (tree / "loop").symlink_to("loop")
    (tree / "fd-link").symlink_to("/proc/self/fd/0")
    assert reason_of(source_of(tree, opener=opener), f"file://{tree}{path}") is Reason.PATH_OUTSIDE_ROOT


@pytest.mark.parametrize("path", ["/etc/passwd", "/no/such/thing", "/proc/self/environ"])
def test_what_lies_outside_tells_nothing(tree: Path, path: str) -> None:
    """A path outside every root is refused alike whether or not anything is there."""
    assert reason_of(source_of(tree), f"file://{path}") is Reason.PATH_OUTSIDE_ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc and /sys")
@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/proc/self/root/etc/hostname", "/sys/kernel/mm", "/proc"]
)
def test_the_kernels_own_files_are_refused_under_any_root(path: str, opener: Opener) -> None:
    """Even with "/" as a root, nothing of /proc or /sys is read or listed."""
    with pytest.raises(CollatioError) as caught:
        asyncio.run(FileSource(Roots(["/"]), bytes_max=1 << 20, opener=opener).list(f"file://{path}"))
    assert caught.value.reason is Reason.PATH_OUTSIDE_ROOT


def test_pipes_sockets_and_devices_are_no_documents(tree: Path, opener: Opener) -> None:
    """A FIFO without a writer answers at once, and neither it nor a socket or device is read."""
    os.mkfifo(tree / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tree / "socket"))
        source = source_of(tree, opener=opener)
        for name in ("fifo", "socket"):
            assert reason_of(source, f"file://{tree}/{name}") is Reason.SOURCE_NOT_A_FILE
        device = FileSource(Roots(["/dev"]), bytes_max=1 << 20, opener=opener)
        assert reason_of(device, "file:///dev/null") is Reason.SOURCE_NOT_A_FILE
        assert [e.relative_path for e in asyncio.run(source.list(f"file://{tree}")).entries] == ["sub/a.txt"]


def test_a_name_that_is_swapped_for_a_link_is_never_followed(tree: Path, opener: Opener) -> None:
    """While another process swaps folder and link, every opening yields the file or an error, not the secret."""
    stop = threading.Event()

    def swap() -> None:
        inner, aside = tree / "sub", tree / "aside"
        link = tree / "link"
        while not stop.is_set():
            link.symlink_to(tree.parent / "secret")
            inner.rename(aside)
            link.rename(inner)
            inner.unlink()
            aside.rename(inner)

    (tree.parent / "secret/a.txt").write_bytes(SECRET)
    source, uri = source_of(tree, opener=opener), f"file://{tree}/sub/a.txt"
    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: set[bytes | Reason] = set()
    try:
        for _ in range(3000):
            try:
                with source.open_local(uri) as file:
                    seen.add(file.read())
            except CollatioError as error:
                seen.add(error.reason)
    finally:
        stop.set()
        swapper.join()
    assert SECRET not in seen
    assert seen <= {b"hello", Reason.PATH_OUTSIDE_ROOT, Reason.SOURCE_NOT_FOUND, Reason.SOURCE_UNAVAILABLE}


def test_what_is_missing_is_not_found(tree: Path, opener: Opener) -> None:
    """A missing file, a file taken for a folder and a name too long are SOURCE_NOT_FOUND."""
    source = source_of(tree, opener=opener)
    for path in ("/none", "/sub/a.txt/b", "/" + "x" * 300):
        assert reason_of(source, f"file://{tree}{path}") is Reason.SOURCE_NOT_FOUND


def test_what_may_not_be_read_is_denied(tree: Path, as_nobody: Callable[[], None], opener: Opener) -> None:
    """A file and a folder without permission are SOURCE_PERMISSION_DENIED."""
    (tree / "sub/a.txt").chmod(0)
    (tree / "closed").mkdir()
    (tree / "closed").chmod(0)
    source = source_of(tree, opener=opener)
    as_nobody()
    assert reason_of(source, f"file://{tree}/sub/a.txt") is Reason.SOURCE_PERMISSION_DENIED
    assert reason_of(source, f"file://{tree}/closed/x") is Reason.SOURCE_PERMISSION_DENIED
    with pytest.raises(CollatioError) as caught:
        asyncio.run(source.list(f"file://{tree}/closed"))
    assert caught.value.reason is Reason.SOURCE_PERMISSION_DENIED


def test_a_closed_folder_within_is_a_failure_beside_the_others(
    tree: Path, as_nobody: Callable[[], None]
) -> None:
    """Listing goes on past a folder that may not be read, and says so."""
    (tree / "closed").mkdir()
    (tree / "closed").chmod(0)
    as_nobody()
    listing = asyncio.run(source_of(tree).list(f"file://{tree}"))
    assert [entry.relative_path for entry in listing.entries] == ["sub/a.txt"]
    assert [(f.relative_path, f.error.reason) for f in listing.failures] == [
        ("closed/", Reason.SOURCE_PERMISSION_DENIED)
    ]


def test_a_root_may_be_a_single_file(tree: Path) -> None:
    """An embedded mesh allows exactly the given paths: the file, and not its neighbours."""
    (tree / "sub/b.txt").write_bytes(b"no")
    source = source_of(tree / "sub/a.txt")
    with source.open_local(f"file://{tree}/sub/a.txt") as file:
        assert file.read() == b"hello"
    assert reason_of(source, f"file://{tree}/sub/b.txt") is Reason.PATH_OUTSIDE_ROOT
    assert reason_of(source, f"file://{tree}/sub") is Reason.PATH_OUTSIDE_ROOT


def test_a_given_path_may_itself_be_a_link(tree: Path) -> None:
    """A root that is a link to a file was named by whoever set it, and is read."""
    (tree / "link.txt").symlink_to("sub/a.txt")
    with source_of(tree / "link.txt").open_local(f"file://{tree}/link.txt") as file:
        assert file.read() == b"hello"


def test_a_file_above_the_cap_is_not_read(tree: Path) -> None:
    """A file larger than the cap is SOURCE_TOO_LARGE before a byte is read."""
    with pytest.raises(CollatioError) as caught:
        source_of(tree, bytes_max=4).open_local(f"file://{tree}/sub/a.txt")
    assert caught.value.reason is Reason.SOURCE_TOO_LARGE


@pytest.mark.parametrize("change", [b"longer than before", b"HELLO", b"x"])
def test_a_file_that_changes_while_it_is_read_is_told(tree: Path, change: bytes) -> None:
    """Bytes of two states are never passed off as one document."""
    path = tree / "sub/a.txt"
    os.utime(path, ns=(1, 1))
    with source_of(tree).open_local(f"file://{path}") as file:
        path.write_bytes(change)
        with pytest.raises(CollatioError) as caught:
            file.read()
    assert caught.value.reason is Reason.SOURCE_CHANGED


def test_the_validator_moves_with_the_file(tree: Path) -> None:
    """Device, inode, size and time make the validator; a file that changed just now has none yet."""
    path, uri = tree / "sub/a.txt", f"file://{tree}/sub/a.txt"
    now = path.stat().st_mtime_ns
    clock = itertools.chain([now + 1_000_000_000], itertools.repeat(now + 3_000_000_000))
    source = FileSource(Roots([str(tree)]), bytes_max=9, now_ns=lambda: next(clock))
    assert asyncio.run(source.stat(uri)).validator is None
    first = asyncio.run(source.stat(uri)).validator
    assert first is not None
    assert asyncio.run(source.list(uri)).entries[0].validator == first
    os.utime(path, ns=(now, now - 1))
    assert asyncio.run(source.stat(uri)).validator not in {None, first}


def test_names_of_any_bytes_are_listed_and_opened(tree: Path) -> None:
    """A name that is not UTF-8, or holds what a URI escapes, is shown as Unicode and opens by its URI."""
    names = [b"caf\xe9.txt", b"a b#?%.txt", b".hidden", b"new\nline", "ü.txt".encode()]
    for name in names:
        (tree / os.fsdecode(name)).write_bytes(name)
    source = source_of(tree)
    entries = asyncio.run(source.list(f"file://{tree}")).entries
    read = set()
    for entry in entries:
        entry.relative_path.encode()
        entry.uri.encode("ascii")
        with source.open_local(entry.uri) as file:
            read.add(file.read())
    assert read == {*names, b"hello"}


async def test_it_keeps_the_promises_of_a_source(tree: Path) -> None:
    """The suite for authors of sources passes on the shipped source, made as any other."""
    (tree / "b.bin").write_bytes(bytes(3_000_000))
    os.utime(tree / "b.bin", ns=(1, 1))
    os.utime(tree / "sub/a.txt", ns=(1, 1))
    context = SourceContext(http=TableHttp({}), settings={"roots": (str(tree),)})
    files = {f"file://{tree}/b.bin": bytes(3_000_000), f"file://{tree}/sub/a.txt": b"hello"}
    await check_source(make(context), folder=f"file://{tree}", files=files, missing=f"file://{tree}/none")


async def test_options_are_refused(tree: Path) -> None:
    """An option nobody knows is a mistake, not a wish."""
    with pytest.raises(CollatioError) as caught:
        await source_of(tree).list(f"file://{tree}", options={"follow": True})
    assert caught.value.reason is Reason.INVALID_REQUEST


def test_a_small_file_costs_microseconds(tree: Path) -> None:
    """Opening, reading and checking 50 KiB takes well under a millisecond of CPU time (some 40 µs)."""
    (tree / "doc").write_bytes(os.urandom(50 * 1024))
    source, uri = source_of(tree), f"file://{tree}/doc"
    before = time.process_time()
    for _ in range(200):
        with source.open_local(uri) as file:
            assert len(file.read()) == 50 * 1024
    assert (time.process_time() - before) / 200 < 0.0005


def test_no_descriptor_is_left_open(tree: Path) -> None:
    """Success, refusal and an abandoned listing all close what they opened."""
    os.mkfifo(tree / "fifo")
    (tree / "link").symlink_to("sub/a.txt")
    source = source_of(tree)
    before = len(list(Path("/dev/fd").iterdir()))
    for path in ("sub/a.txt", "fifo", "link", "none", "sub", "sub/a.txt/x"):
        for attempt in (source.open_local, lambda uri: asyncio.run(source.list(uri))):
            try:
                result = attempt(f"file://{tree}/{path}")
            except CollatioError:
                continue
            if hasattr(result, "close"):
                result.close()
    assert len(list(Path("/dev/fd").iterdir())) == before
