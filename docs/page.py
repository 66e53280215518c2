"""Write a page that is made from the code, or tell that it is out of date."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def publish(path: Path, text: str, argv: Sequence[str]) -> int:
    """Write the page; with `--check` only compare it. Answers the exit status: 1 where it is out of date."""
    if argv not in ([], ["--check"]):
        print(f"usage: python docs/make_{path.stem}.py [--check]", file=sys.stderr)
        return 2
    if not argv:
        path.write_text(text, "utf-8")
        return 0
    if path.is_file() and path.read_text("utf-8") == text:
        return 0
    print(f"docs/{path.name} is not what the code says; run: make docs", file=sys.stderr)
    return 1


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a Markdown table, a line a row."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
