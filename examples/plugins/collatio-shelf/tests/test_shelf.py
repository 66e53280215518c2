"""The source keeps the promises that collatio's suite checks."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from collatio_shelf import PAGE_ROWS, make

from collatio.plugins.sources import SourceContext
from collatio.plugins.testing.sources import TableHttp, check_source
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "CREATE TABLE document (path TEXT PRIMARY KEY, revision INTEGER NOT NULL, bytes BLOB NOT NULL)"


def shelf_of(path: Path, files: dict[str, bytes]) -> Path:
    """Write a shelf."""
    with closing(sqlite3.connect(path)) as shelf, shelf:
        shelf.execute(TABLE)
        shelf.executemany("INSERT INTO document VALUES (?, 1, ?)", files.items())
    return path


def test_it_keeps_a_sources_promises(tmp_path: Path) -> None:
    """A folder of more than a page, a document alone and nothing at all are what the Protocol says they are."""
    files = {f"box/{n:04d} x.txt": str(n).encode() for n in range(PAGE_ROWS + 3)}
    database = shelf_of(tmp_path / "shelf.db", {**files, "other.txt": b"elsewhere"})
    source = make(SourceContext(TableHttp({}), {"database": str(database)}))
    known = {f"shelf:{path.replace(' ', '%20')}": data for path, data in files.items()}
    asyncio.run(check_source(source, folder="shelf:box/", files=known, missing="shelf:box/none"))


def test_without_a_database_it_says_so() -> None:
    """An operator who sets nothing hears what to set."""
    with pytest.raises(CollatioError) as caught:
        make(SourceContext(TableHttp({})))
    assert caught.value.reason is Reason.SETTINGS_INVALID
