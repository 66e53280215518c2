"""What a comparison passes over, as `run`, `submit` and `diff` take it alike."""

from __future__ import annotations

from dataclasses import dataclass

import click

IGNORING_KEYS = ("ignore_case", "ignore_space", "ignore_furniture", "patterns")
IGNORING_OPTIONS = (
    click.option("-i", "--ignore-case", is_flag=True, help="Upper and lower case do not matter."),
    click.option("-w", "--ignore-space", is_flag=True, help="White space does not matter."),
    click.option(
        "--ignore-furniture", is_flag=True, help="Running heads, feet and page numbers do not matter."
    ),
    click.option(
        "-I", "--ignore", "patterns", multiple=True, metavar="RE", help="Text that matches does not matter."
    ),
)


@dataclass(frozen=True, slots=True)
class Ignoring:
    """What does not matter; `patterns` are in RE2's syntax."""

    case: bool = False
    space: bool = False
    furniture: bool = False
    patterns: tuple[str, ...] = ()


NOTHING = Ignoring()
