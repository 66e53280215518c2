"""The options that commands share, and how what was typed becomes an order."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collatio.cli.ignoring import IGNORING_KEYS, IGNORING_OPTIONS, NOTHING, Ignoring
from collatio.cli.order import Mode, Order, choose_mode, read_input, read_list, read_pairs, with_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., int]

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


class Duration(click.ParamType[float]):
    """A span of time: `90`, `90s`, `15m`, `2h`, `1d`. Seconds inside."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        match = _DURATION.fullmatch(str(value))
        if match is None or float(match[1]) <= 0:
            self.fail(f"{value!r} is not a duration such as 90s, 15m or 2h", param, ctx)
        return float(match[1]) * _UNITS_S[match[2]]


class Label(click.ParamType[tuple[str, str]]):
    """A label: `key=value`."""

    name = "key=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Read it."""
        if isinstance(value, tuple):
            return (str(value[0]), str(value[1]))
        key, separator, text = str(value).partition("=")
        if not key or not separator:
            self.fail(f"{value!r} is not key=value", param, ctx)
        return key, text


class Gateway(click.ParamType[str]):
    """Where a gateway is: `host:port`, several with commas between them."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check it."""
        from collatio.client.dial import parse_targets

        try:
            return ",".join(parse_targets(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def gateway_option(command: Command) -> Command:
    """Add --gateway, without a default: unset means a mesh of the command's own."""
    return click.option(
        "--gateway",
        type=Gateway(),
        envvar="COLLATIO_GATEWAY",
        help="A mesh elsewhere (COLLATIO_GATEWAY); paths are uploaded to it. Unset: a mesh is started here.",
    )(command)


def named_gateway_option(command: Command) -> Command:
    """Add --gateway for the commands that need one: unset means the one `collatio up` starts."""
    from collatio.cli.exit_status import DEFAULT_GATEWAY

    return click.option(
        "--gateway",
        type=Gateway(),
        envvar="COLLATIO_GATEWAY",
        default=DEFAULT_GATEWAY,
        show_default=True,
        help="The mesh's gateway (COLLATIO_GATEWAY); several with commas between them.",
    )(command)


def data_option(command: Command) -> Command:
    """Add --data."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="Keep the mesh's own data here, so that the next run reuses what is known. Unset: thrown away.",
    )(command)


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")(command)


def fail_on_option(command: Command) -> Command:
    """Add --fail-on."""
    return click.option(
        "--fail-on",
        type=click.Choice(["any", "none"]),
        default="any",
        show_default=True,
        help="Whether a failed document makes the exit status 1.",
    )(command)


def fail_on_different_option(command: Command) -> Command:
    """Add --fail-on for a command that sees what differs."""
    return click.option(
        "--fail-on",
        type=click.Choice(["any", "none", "different"]),
        default="any",
        show_default=True,
        help="Whether a failed document makes the exit status 1; different: that, and 5 where any pair differs.",
    )(command)


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Add options to a command; its help lists them in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def orders(command: Callable[..., int]) -> Command:
    """Add what every job needs: documents, globs, labels, a time limit. The command gets one `order`."""
    return _with_order(command, compares=False)


def orders_comparing(command: Callable[..., int]) -> Command:
    """Add what a comparing job needs beside that: the mode, a baseline, pairs, a threshold."""
    return _with_order(command, compares=True)


def _with_order(command: Callable[..., int], *, compares: bool) -> Command:
    @functools.wraps(command)
    def ordered(**typed: Any) -> int:
        keys = [*_ORDER_KEYS, *(_COMPARE_KEYS if compares else ())]
        return command(order=_read_order(**{key: typed.pop(key) for key in keys}), **typed)

    return with_options(*_ORDER_OPTIONS, *(_COMPARE_OPTIONS if compares else ()))(ordered)


def _read_order(
    *,
    named: tuple[str, ...],
    files_from: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    label: tuple[tuple[str, str], ...],
    timeout: float | None,
    mode: str | None = Mode.NONE,
    baseline: str | None = None,
    pairs: str | None = None,
    threshold: float | None = None,
    max_pairs: int | None = None,
    comparator: tuple[str, ...] = (),
    ignore_case: bool = False,
    ignore_space: bool = False,
    ignore_furniture: bool = False,
    patterns: tuple[str, ...] = (),
) -> Order:
    try:
        texts = [*named, *(read_list(_lines(files_from)) if files_from else ())]
        pair_list = tuple(read_pairs(_lines(pairs))) if pairs else ()
        chosen = choose_mode(
            Mode(mode) if mode else None, has_baseline=bool(baseline), has_pairs=bool(pair_list)
        )
        inputs = with_pairs(map(read_input, texts), pair_list)
        against = read_input(baseline) if baseline else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not inputs:
        raise click.UsageError("name at least one PATH or URI, or give --files-from")
    if chosen is Mode.MATCHED and len(inputs) != 2:
        raise click.UsageError("--mode matched takes exactly two PATHs or URIs")
    if threshold is not None and chosen not in {Mode.VERSIONS, Mode.NEAR_DUPLICATES}:
        raise click.UsageError("--threshold goes with --mode versions and near-duplicates")
    ignoring = Ignoring(ignore_case, ignore_space, ignore_furniture, patterns)
    if chosen is Mode.NONE and (comparator or ignoring != NOTHING):
        raise click.UsageError("--comparator and what is ignored go with a comparison, not with --mode none")
    return Order(
        inputs,
        include,
        exclude,
        chosen,
        against,
        pair_list,
        threshold,
        max_pairs,
        label,
        timeout,
        ignoring,
        comparator,
    )


def _lines(name: str) -> list[str]:
    """Read a list; names that are not UTF-8 come through as they are."""
    try:
        with click.open_file(name, encoding="utf-8", errors="surrogateescape") as file:
            return list(file)
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror}") from error


_ORDER_KEYS = ("named", "files_from", "include", "exclude", "label", "timeout")
_ORDER_OPTIONS = (
    click.argument("named", nargs=-1, metavar="PATH|URI..."),
    click.option(
        "--files-from", metavar="FILE", help="Read more PATHs and URIs from a file, one a line; - is stdin."
    ),
    click.option(
        "--include",
        multiple=True,
        metavar="GLOB",
        help='Only files of a folder that match, e.g. "**/*.docx".',
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files of a folder that match."),
    click.option("--label", multiple=True, type=Label(), help="A label to find the job by; may be repeated."),
    click.option(
        "--timeout", type=Duration(), help="How long the job may take, e.g. 90s, 15m. Unset: no limit."
    ),
)
_COMPARE_KEYS = ("mode", "baseline", "pairs", "threshold", "max_pairs", "comparator", *IGNORING_KEYS)
_COMPARE_OPTIONS = (
    click.option(
        "--mode",
        type=click.Choice([str(each) for each in Mode]),
        help="What is compared with what. Unset: all-pairs, or what --baseline or --pairs implies.",
    ),
    click.option("--baseline", metavar="PATH|URI", help="Compare every document with this one."),
    click.option(
        "--pairs",
        metavar="FILE",
        help="Compare these pairs: two names a line, a tab or a comma between them.",
    ),
    click.option(
        "--threshold",
        type=click.FloatRange(0.0, 1.0),
        help="The least similarity for near-duplicates and versions.",
    ),
    click.option(
        "--max-pairs", type=click.IntRange(min=1), help="The most pairs the job may make. Unset: 100,000."
    ),
    *IGNORING_OPTIONS,
    click.option(
        "--comparator",
        multiple=True,
        metavar="NAME",
        help="Compare with an installed comparator; of several the first that the mesh has. Unset: the shipped one.",
    ),
)
