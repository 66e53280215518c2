"""Sources are read in place where the mesh can, uploaded where it cannot."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from collatio.cli.order import Mode, Order, read_input
from collatio.cli.placing import KEY_CHARS_MAX, SOURCES_MAX, choose_roots, place
from collatio.client.messages import BlobRef
from collatio.runtime.errors import CollatioError, Reason


class Uploads:
    """Takes bytes, or refuses them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.taken: list[Path | bytes] = []
        self.error = error

    async def upload(self, source: Path | bytes) -> BlobRef:
        """Take them."""
        if self.error is not None:
            raise self.error
        self.taken.append(source)
        content = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
        return BlobRef(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that holds d/a and d/b."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    for name in ("a", "b"):
        (tmp_path / "d" / name).write_text(name)
    return tmp_path


def order(*names: str, **options: object) -> Order:
    """Make an order."""
    return replace(Order(tuple(map(read_input, names))), **options)  # type: ignore[arg-type] # fields by name


def test_roots_are_the_paths_named(here: Path) -> None:
    """Each once, none inside another, ends of pairs and the baseline too, URIs not."""
    wanted = order(
        *("d", "d/a", "none", "s3://b/"),
        baseline=read_input("base"),
        pairs=((read_input("d/b"), read_input("p")),),
    )
    assert choose_roots(wanted) == (here / "base", here / "d", here / "none", here / "p")


def test_roots_leave_out_what_cannot_be_passed_on(here: Path) -> None:
    """The separator of path lists cannot stand in a root, nor can more names than an environment holds."""
    assert choose_roots(order("x:y" + os.sep + "z", "d")) == (here / "d",)
    many = order(*(f"{'n' * 200}-{number}" for number in range(2000)))
    assert 0 < len(choose_roots(many)) < 2000


async def test_in_place_nothing_is_uploaded(here: Path) -> None:
    """Paths below a root become URIs; globs go with folders and with URIs."""
    uploads = Uploads()
    placed = await place(order("d", "d/a", "s3://b/p/", include=("*.x",)), uploads, roots=(here / "d",))
    assert [each.uri for each in placed.sources] == [f"file://{here}/d/", f"file://{here}/d/a", "s3://b/p/"]
    assert [list(each.include) for each in placed.sources] == [["*.x"], [], ["*.x"]]
    assert uploads.taken == []
    assert placed.reference(read_input("d/b")) == f"file://{here}/d/b"


async def test_uploaded_files_are_keyed_as_typed(here: Path) -> None:
    """In the order of the names, each file once, with its progress told."""
    told: list[tuple[int, int]] = []
    placed = await place(order("d", "d/a"), Uploads(), told=lambda done, of: told.append((done, of)))
    assert [each.key for each in placed.sources] == ["d/a", "d/b"]
    assert placed.sources[0].blob.sha256 == hashlib.sha256(b"a").hexdigest()
    assert told == [(1, 2), (2, 2)]
    assert placed.reference(read_input("./d/b")) == "d/b"
    assert placed.reference(read_input("elsewhere")) is None


async def test_long_and_odd_names_become_keys(here: Path) -> None:
    """A key is unique, valid UTF-8 and short enough; its end, which tells most, is kept."""
    deep = here / ("x" * 100) / ("y" * 100) / ("z" * 100)
    deep.mkdir(parents=True)
    (deep / "end.txt").write_text("1")
    (here / os.fsdecode(b"\xff")).write_text("2")
    (here / os.fsdecode(b"\xfe")).write_text("3")
    names = [str(deep.relative_to(here) / "end.txt"), os.fsdecode(b"\xff"), os.fsdecode(b"\xfe")]
    keys = [each.key for each in (await place(order(*names), Uploads())).sources]
    assert len(set(keys)) == 3
    assert all(len(key) <= KEY_CHARS_MAX for key in keys)
    assert keys[0].endswith("zz/end.txt")


async def test_baseline_has_a_source_of_its_own_or_a_key(here: Path) -> None:
    """One that is uploaded anyway is named by its key; another is uploaded beside."""
    (here / "base").write_text("base")
    among = await place(order("d", mode=Mode.BASELINE, baseline=read_input("d/a")), Uploads())
    assert (among.baseline, among.reference(read_input("d/a"))) == (None, "d/a")
    beside = await place(order("d", mode=Mode.BASELINE, baseline=read_input("base")), Uploads())
    assert beside.baseline is not None
    assert beside.baseline.key == "base"
    lost = await place(order("d", mode=Mode.BASELINE, baseline=read_input("gone")), Uploads())
    assert lost.baseline is None
    assert [each.uri for each in lost.unread] == ["gone"]
    uri = await place(order("d", mode=Mode.BASELINE, baseline=read_input("s3://b/k")), Uploads())
    assert uri.baseline is not None
    assert uri.baseline.uri == "s3://b/k"


async def test_file_that_vanishes_is_a_failed_document(here: Path) -> None:
    """A file that cannot be read when its turn comes does not stop the others."""
    placed = await place(order("d"), Uploads(FileNotFoundError(2, "gone")))
    assert placed.sources == []
    assert [each.failure.reason for each in placed.unread] == ["SOURCE_NOT_FOUND"] * 2


async def test_file_too_large_is_a_failed_document(here: Path) -> None:
    """What the mesh will not take of one file is that file's failure."""
    placed = await place(order("d/a"), Uploads(CollatioError(Reason.BLOB_TOO_LARGE)))
    assert [(each.uri, each.failure.reason) for each in placed.unread] == [("d/a", "BLOB_TOO_LARGE")]


async def test_refused_uploads_end_the_command(here: Path) -> None:
    """A full store is nobody's document."""
    with pytest.raises(CollatioError) as caught:
        await place(order("d"), Uploads(CollatioError(Reason.BLOB_STORE_FULL)))
    assert caught.value.reason is Reason.BLOB_STORE_FULL


async def test_more_uris_than_sources_become_a_list(here: Path) -> None:
    """The contract's bound on sources does not bound what can be named."""
    uploads = Uploads()
    names = [f"s3://b/{number}" for number in range(SOURCES_MAX + 1)]
    placed = await place(order(*names, include=("*.pdf",)), uploads)
    assert len(placed.sources) == 1
    assert list(placed.sources[0].include) == ["*.pdf"]
    assert uploads.taken == ["".join(f"{name}\n" for name in names).encode()]


async def test_too_many_uploads_are_refused_before_the_first(here: Path) -> None:
    """Names of uploads travel in keys, so they cannot become a list."""
    uploads = Uploads()
    names = [f"s3://b/{number}" for number in range(SOURCES_MAX)]
    with pytest.raises(CollatioError) as caught:
        await place(order("d/a", *names), uploads)
    assert caught.value.reason is Reason.TOO_MANY_DOCUMENTS
    assert uploads.taken == []
