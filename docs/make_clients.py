"""Put the code of examples/clients into the pages that explain it; `--check` compares instead.

A page names a snippet, `<!-- snippet examples/clients/python/compare.py submit -->`, and the fenced block behind it
is the code between `snippet submit` and `snippet ends` in that file. The suite runs the files, so it runs the pages.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from page import publish

DOCS = Path(__file__).parent
PAGES = ("python.md", "node.md", "go.md")
MARK = re.compile(r"(<!-- snippet (\S+)(?: (\w+))? -->\n```(\w+)\n).*?(^```$)", re.MULTILINE | re.DOTALL)


def render(page: Path) -> str:
    """Return the page with every snippet as its file has it."""
    return MARK.sub(
        lambda found: found[1] + snippet(found[2], found[3] or "") + found[5], page.read_text("utf-8")
    )


def snippet(name: str, part: str) -> str:
    """Return a part of a file, or all of it. Errors: ValueError where the file has no such part."""
    text = (DOCS.parent / name).read_text("utf-8")
    if not part:
        return text
    found = re.search(rf"^\S+ snippet {part}\n(.*?)^\S+ snippet ends$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{name} has no snippet {part}")
    return found[1].strip("\n") + "\n"


if __name__ == "__main__":
    pages = [DOCS / name for name in PAGES]
    raise SystemExit(max(publish(page, render(page), sys.argv[1:]) for page in pages))
