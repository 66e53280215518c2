"""What chaos runs over: many small text documents, the same on every machine."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from collatio.client import BaselinePlan, CompareSpec, JobSpec, Source

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = [
    "the",
    "supplier",
    "shall",
    "deliver",
    "every",
    "service",
    "under",
    "this",
    "agreement",
    "and",
    "the",
    "customer",
    "pays",
    "each",
    "invoice",
    "within",
    "thirty",
    "days",
    "after",
    "receipt",
    "unless",
    "either",
    "party",
    "has",
    "given",
    "notice",
    "of",
    "termination",
    "in",
    "writing",
    "before",
    "the",
    "term",
]


def write_documents(root: Path, jobs: int, each: int, *, tag: str = "") -> list[Path]:
    """Write a folder of documents for each of so many jobs; no two are alike, and none like another tag's."""
    folders = []
    for job in range(jobs):
        folder = root / f"job-{job:03}"
        folder.mkdir(parents=True)
        common = " ".join(random.Random(f"{tag} {job}").choices(_WORDS, k=40))
        for number in range(each):
            own = " ".join(random.Random(f"{tag} {job} {number}").choices(_WORDS, k=25))
            text = f"Paper {tag} {job}.{number}\n\n{common}.\n\n{own}.\n"
            (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")
        folders.append(folder)
    return folders


def spec_of(folder: Path) -> JobSpec:
    """Make the job of a folder: extract all, compare each with the first."""
    baseline = BaselinePlan(source=Source(uri=(folder / "0000.txt").as_uri()))
    return JobSpec(sources=[Source(uri=f"{folder.as_uri()}/")], compare=CompareSpec(baseline=baseline))


def uris_of(folder: Path) -> list[str]:
    """List what a job of the folder holds: its files, and the first once more, as the baseline."""
    uris = [path.as_uri() for path in sorted(folder.iterdir())]
    return [*uris, uris[0]]
