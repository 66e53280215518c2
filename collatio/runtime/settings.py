"""Settings read once, from flags and the environment, with every fault reported at once.

A service's settings are a frozen dataclass whose fields are made by `setting`: a meaning, a default, a parser.
`read` fills it from `--flag value` arguments and `COLLATIO_*` variables (a flag wins), or raises one
SETTINGS_INVALID that lists all that is wrong. A value may stand in a file (`COLLATIO_X_FILE`), for secrets.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")
PREFIX = "COLLATIO_"
_REQUIRED = object()


def setting(meaning: str, *, parse: Callable[[str], Any] = str, default: Any = _REQUIRED) -> Any:
    """Declare a setting: its meaning with its unit, how its text is parsed, its default (none: required)."""
    metadata = {"meaning": meaning, "parse": parse}
    if default is _REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def positive(text: str) -> float:
    """Parse a number above 0."""
    value = float(text)
    if not math.isfinite(value) or value <= 0:
        raise ValueError("must be a number above 0")
    return value


def not_negative(text: str) -> float:
    """Parse a number of at least 0."""
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError("must be a number of at least 0")
    return value


def share(text: str) -> float:
    """Parse a share of a whole, above 0 and at most 1."""
    value = float(text)
    if not 0 < value <= 1:
        raise ValueError("must be above 0 and at most 1")
    return value


def count(text: str) -> int:
    """Parse a whole number above 0."""
    value = int(text)
    if value < 1:
        raise ValueError("must be a whole number above 0")
    return value


def size(text: str) -> int:
    """Parse a number of bytes: 1048576, 64KiB, 512MiB, 2GiB."""
    units = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    for unit, factor in units.items():
        if text.endswith(unit):
            return count(text[: -len(unit)].strip()) * factor
    return count(text)


def switch(text: str) -> bool:
    """Parse on or off."""
    known = {
        "1": True,
        "true": True,
        "on": True,
        "yes": True,
        "0": False,
        "false": False,
        "off": False,
        "no": False,
    }
    try:
        return known[text.strip().lower()]
    except KeyError:
        raise ValueError("must be on or off") from None


def words(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def paths(text: str) -> tuple[Path, ...]:
    """Parse a list of absolute paths, separated as PATH is."""
    found = tuple(Path(part) for part in text.split(":") if part)
    for path in found:
        if not path.is_absolute():
            raise ValueError(f"{path} is not an absolute path")
    return found


def address(text: str) -> str:
    """Parse HOST:PORT to listen on; port 0 takes a free one."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError("must be HOST:PORT")
    return text


def one_of(*allowed: str) -> Callable[[str], str]:
    """Make the parser of a word among a few."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Return the command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def read(cls: type[T], argv: Sequence[str], environ: Mapping[str, str]) -> T:
    """Read settings of a class; a flag wins over a variable, a variable over `_FILE`, that over the default.

    Errors: SETTINGS_INVALID with a violation for every unknown flag, unparsable value and missing setting.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type] # a dataclass by contract
    given, faults = _flags(fields, argv)
    values: dict[str, Any] = {}
    for name, spec in fields.items():
        text = given.get(name)
        try:
            if text is None:
                text = _from_environment(name, environ)
            if text is not None:
                values[name] = spec.metadata["parse"](text)
            elif spec.default is dataclasses.MISSING:
                faults.append(f"{flag(name)} (or {variable(name)}) is required: {spec.metadata['meaning']}")
        except (ValueError, OSError) as error:
            faults.append(f"{flag(name)} (or {variable(name)}): {error}")
    if faults:
        raise CollatioError(Reason.SETTINGS_INVALID, "; ".join(faults))
    return cls(**values)


def _from_environment(name: str, environ: Mapping[str, str]) -> str | None:
    text = environ.get(variable(name))
    if text is None and (file := environ.get(variable(name) + "_FILE")):
        text = Path(file).read_text("utf-8").strip()
    return text or None


def _flags(fields: Mapping[str, Any], argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Read `--name value` and `--name=value`."""
    given: dict[str, str] = {}
    faults: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        known = name.removeprefix("--").replace("-", "_")
        if not name.startswith("--") or known not in fields:
            faults.append(f"{word} is not a flag of this program")
        elif equals:
            given[known] = value
        elif rest:
            given[known] = rest.pop(0)
        else:
            faults.append(f"{name} needs a value")
    return given, faults


def describe(cls: type[Any]) -> str:
    """Write the help text of a settings class: a line a setting."""
    lines = []
    for spec in dataclasses.fields(cls):
        default = "required" if spec.default is dataclasses.MISSING else f"default {spec.default!r}"
        lines.append(f"  {flag(spec.name):28} {spec.metadata['meaning']} ({default}; {variable(spec.name)})")
    return "\n".join(lines)
