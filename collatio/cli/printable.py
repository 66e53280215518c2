"""Make names from outside harmless on a terminal and in a table.

File names and URIs may hold anything: an escape sequence would drive the terminal, a tab or a line end would
forge a column or a row. What is shown is escaped; what is written to result files is not.
"""

from __future__ import annotations

import os
from urllib.parse import unquote_to_bytes


def printable(text: str) -> str:
    """Escape what does not print: controls, direction overrides, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def shown(uri: str, cwd: str) -> str:
    """Show a URI as a person would name it: a file below the working directory by its relative path."""
    if not uri.startswith("file:///"):
        return printable(uri)
    path = os.fsdecode(unquote_to_bytes(uri.removeprefix("file://")))
    below = cwd.rstrip("/") + "/"
    return printable(path.removeprefix(below))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
