"""A source with a scheme of its own: `shelf:contracts/a.txt` is a document in a table of an SQLite file.

The operator says where the file is; a URI cannot. The table:

    CREATE TABLE document (path TEXT PRIMARY KEY, revision INTEGER NOT NULL, bytes BLOB NOT NULL)

A document's revision grows with every change, so it is the validator: bytes seen under it need not be read again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from collatio.plugins.sources import NO_OPTIONS, Content, Entry, Listing, Stat
from collatio.runtime.errors import CollatioError, Reason, invalid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from collatio.plugins.sources import Source, SourceContext

SCHEME = "shelf"
PAGE_ROWS = 500
_CHUNK_BYTES = 65_536


def make(context: SourceContext) -> Source:
    """Make the source: what the entry point names. It opens nothing. Errors: SETTINGS_INVALID."""
    database = context.settings.get("database")
    if not isinstance(database, str) or not database.startswith("/"):
        raise CollatioError(
            Reason.SETTINGS_INVALID, "shelf needs `database`: the absolute path of an SQLite file."
        )
    return ShelfSource(Path(database))


class ShelfSource:
    """Documents of one SQLite file. Each call opens it anew, for reading alone, off the event loop."""

    schemes = (SCHEME,)
    version = "1"

    def __init__(self, database: Path) -> None:
        self._database = database

    async def list(
        self, uri: str, page_token: str | None = None, *, options: Mapping[str, object] = NO_OPTIONS
    ) -> Listing:
        """List a document alone, or those beneath a folder in the order of their paths."""
        _refuse(options)
        path = _path_of(uri)
        alone = await self._rows("SELECT path, revision, length(bytes) FROM document WHERE path = ?", path)
        if alone:
            return Listing((_entry(alone[0], ""),))
        folder = path.rstrip("/") + "/" if path.strip("/") else ""
        rows = await self._rows(
            "SELECT path, revision, length(bytes) FROM document "
            "WHERE substr(path, 1, ?) = ? AND path > ? ORDER BY path LIMIT ?",
            len(folder), folder, page_token or "", PAGE_ROWS + 1,
        )  # fmt: skip
        if not rows and page_token is None:
            raise CollatioError(Reason.SOURCE_NOT_FOUND)
        page = rows[:PAGE_ROWS]
        entries = tuple(_entry(row, str(row[0]).removeprefix(folder)) for row in page)
        return Listing(entries, str(page[-1][0]) if len(rows) > len(page) else None)

    async def stat(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> Stat:
        """Say a document's size and revision."""
        _refuse(options)
        rows = await self._rows("SELECT revision, length(bytes) FROM document WHERE path = ?", _path_of(uri))
        if not rows:
            raise CollatioError(Reason.SOURCE_NOT_FOUND)
        revision, size = rows[0]
        return Stat(size, f"revision:{revision}")

    @asynccontextmanager
    async def open(self, uri: str, *, options: Mapping[str, object] = NO_OPTIONS) -> AsyncIterator[Content]:
        """Open a document: its bytes and its revision come from one row."""
        _refuse(options)
        rows = await self._rows("SELECT revision, bytes FROM document WHERE path = ?", _path_of(uri))
        if not rows:
            raise CollatioError(Reason.SOURCE_NOT_FOUND)
        revision, data = rows[0]
        yield Content(Stat(len(data), f"revision:{revision}"), _chunks(data))

    async def aclose(self) -> None:
        """Nothing is held between calls."""

    async def _rows(self, query: str, *values: str | int) -> list[tuple[str | int | bytes, ...]]:
        return await asyncio.to_thread(self._ask, query, values)

    def _ask(self, query: str, values: tuple[str | int, ...]) -> list[tuple[str | int | bytes, ...]]:
        try:
            with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True)) as shelf:
                return shelf.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise CollatioError(Reason.SOURCE_UNAVAILABLE, "The shelf's file cannot be read.") from error


def _path_of(uri: str) -> str:
    return unquote(uri.partition(":")[2])


def _entry(row: tuple[str | int | bytes, ...], relative_path: str) -> Entry:
    path, revision, size = row
    return Entry(f"{SCHEME}:{quote(str(path))}", relative_path, int(size), f"revision:{revision}")


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]


def _refuse(options: Mapping[str, object]) -> None:
    if options:
        raise invalid("plugin_options", "a shelf takes no options")
