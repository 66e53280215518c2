"""What a user asked for: the documents named and what is to be done with them, as typed and checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from collatio.cli.ignoring import NOTHING, Ignoring

if TYPE_CHECKING:
    from collections.abc import Iterable

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class Mode(StrEnum):
    """Which documents are compared with which."""

    ALL_PAIRS = "all-pairs"
    BASELINE = "baseline"
    VERSIONS = "versions"
    NEAR_DUPLICATES = "near-duplicates"
    MATCHED = "matched"
    EXPLICIT = "explicit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Input:
    """One thing named: a path, which is the caller's, or a URI, which is the mesh's.

    `text` is as typed. `path` is absolute, links and all; unset for a URI.
    """

    text: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A whole job as asked for. `threshold` is 0..1; `timeout_s` bounds the job, unset: no limit.

    `comparators`: names, the first installed one compares; none: the shipped one.
    """

    inputs: tuple[Input, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    mode: Mode = Mode.ALL_PAIRS
    baseline: Input | None = None
    pairs: tuple[tuple[Input, Input], ...] = ()
    threshold: float | None = None
    max_pairs: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    timeout_s: float | None = None
    ignoring: Ignoring = NOTHING
    comparators: tuple[str, ...] = ()


def read_input(text: str) -> Input:
    """Tell a path from a URI: what exists is a path, whatever it looks like.

    Errors: ValueError for an empty name.
    """
    if not text.strip():
        raise ValueError("a name is empty")
    if _URI.match(text) and not os.path.lexists(text):
        return Input(text)
    return Input(text, Path(os.path.abspath(text)))  # noqa: PTH100 - Path.resolve would follow links


def read_list(lines: Iterable[str]) -> list[str]:
    """Read a list of names, one a line; empty lines and lines that start with "#" are passed over."""
    names = (line.rstrip("\r\n") for line in lines)
    return [name for name in names if name.strip() and not name.startswith("#")]


def read_pairs(lines: Iterable[str]) -> list[tuple[Input, Input]]:
    """Read pairs, one a line: two names with a tab, or else a comma, between them.

    Errors: ValueError with the line's number.
    """
    pairs = []
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if not text.strip() or text.startswith("#"):
            continue
        left, separator, right = text.partition("\t" if "\t" in text else ",")
        names = (left.strip(), right.strip())
        if not separator or not all(names) or "\t" in right:
            raise ValueError(f"line {number} does not hold two names with a tab or a comma between them")
        pairs.append((read_input(names[0]), read_input(names[1])))
    if not pairs:
        raise ValueError("it holds no pairs")
    return pairs


def choose_mode(mode: Mode | None, *, has_baseline: bool, has_pairs: bool) -> Mode:
    """Settle the mode: what was named, else what the baseline or the pairs imply, else all pairs.

    Errors: ValueError for wishes that contradict each other.
    """
    implied = Mode.BASELINE if has_baseline else Mode.EXPLICIT if has_pairs else None
    if has_baseline and has_pairs:
        raise ValueError("--baseline and --pairs exclude each other")
    if implied is not None and mode not in {None, implied}:
        raise ValueError(f"--mode {mode} does not go with {'--baseline' if has_baseline else '--pairs'}")
    if mode is Mode.BASELINE and not has_baseline:
        raise ValueError("--mode baseline needs --baseline")
    if mode is Mode.EXPLICIT and not has_pairs:
        raise ValueError("--mode explicit needs --pairs")
    return mode or implied or Mode.ALL_PAIRS


def with_pairs(inputs: Iterable[Input], pairs: Iterable[tuple[Input, Input]]) -> tuple[Input, ...]:
    """Join what was named with what the pairs name and nothing named holds; each once, in order."""
    joined = list(dict.fromkeys(inputs))
    for each in (end for pair in pairs for end in pair):
        if not any(_holds(other, each) for other in joined):
            joined.append(each)
    seen: dict[str, Input] = {}
    for each in joined:
        seen.setdefault(str(each.path or each.text), each)
    return tuple(seen.values())


def _holds(outer: Input, inner: Input) -> bool:
    if inner.path is not None:
        return outer.path is not None and inner.path.is_relative_to(outer.path)
    if outer.path is not None:
        return False
    return inner.text == outer.text or (outer.text.endswith("/") and inner.text.startswith(outer.text))
