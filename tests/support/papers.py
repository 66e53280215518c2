"""Documents made for a test: small, distinct, the same for the same name, in the plain formats."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SENTENCE = (
    "the supplier shall deliver services under this agreement and customer pays each invoice within thirty "
    "days after receipt unless notice of termination has been given by either party in writing before term"
)
_WORDS = _SENTENCE.split()


def paper(name: str, paragraphs: int = 12) -> str:
    """Write an HTML document of paragraphs of 40 words; two names share their first half."""
    common, own = random.Random("common"), random.Random(name)
    body = "\n".join(
        f"<p>{number}. {' '.join(source.choices(_WORDS, k=40))}.</p>"
        for number in range(paragraphs)
        for source in [common if number < paragraphs // 2 else own]
    )
    return f"<!doctype html><html><head><title>{name}</title></head><body><h1>{name}</h1>\n{body}\n</body></html>"


def write_papers(folder: Path, count: int, *, tag: str = "", paragraphs: int = 12) -> list[Path]:
    """Write so many papers into a folder, which is made; `tag` makes them differ from all others."""
    folder.mkdir(parents=True, exist_ok=True)
    return list(_write(folder, count, tag or folder.name, paragraphs))


def _write(folder: Path, count: int, tag: str, paragraphs: int) -> Iterator[Path]:
    for number in range(count):
        path = folder / f"paper-{number:03}.html"
        path.write_text(paper(f"{tag} {number}", paragraphs), encoding="utf-8")
        yield path
