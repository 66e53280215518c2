"""What documents are called on a page: as short as they can be told apart."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

from collatio.report.markup import Markup, el

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.report.model import Document


class Names:
    """The names of an account's documents. `short` is the file's name, with its folder where two share it."""

    def __init__(self, documents: Sequence[Document]) -> None:
        paths = [unquote(each.uri, errors="replace") or each.id for each in documents]
        cut = len(_shared_folder(paths))
        self._paths = [path[cut:] or path for path in paths]
        last = [path.rpartition("/")[2] or path for path in self._paths]
        counts = Counter(last)
        self._short = [
            name if counts[name] == 1 else "/".join(path.split("/")[-2:])
            for name, path in zip(last, self._paths, strict=True)
        ]
        self.shared = paths[0][:cut] if paths else ""

    def path(self, document: int) -> str:
        """Give a document's path below the folder that all share."""
        return self._paths[document]

    def short(self, document: int) -> str:
        """Give its short name."""
        return self._short[document]

    def of_uri(self, uri: str) -> str:
        """Shorten a URI that may be no document's."""
        return unquote(uri, errors="replace").removeprefix(self.shared)

    def mark_up(self, document: int) -> Markup:
        """Write its path, the folder less prominent; it cannot reorder the text around it."""
        folder, slash, name = self._paths[document].rpartition("/")
        return el("bdi", el("span", folder + slash, class_="folder") if slash else None, name, class_="name")


def _shared_folder(paths: Sequence[str]) -> str:
    """Give the folder, with its slash, that all paths lie in."""
    if not paths:
        return ""
    prefix = posixpath.commonprefix(list(paths))
    return prefix[: prefix.rfind("/") + 1]


def cut_middle(text: str, length: int) -> str:
    """Shorten a text to a length by leaving out its middle."""
    if len(text) <= length:
        return text
    keep = length - 1
    return f"{text[: keep - keep // 2]}…{text[len(text) - keep // 2 :]}"
