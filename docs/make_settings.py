"""Write docs/settings.md from the programs' settings classes; `--check` compares instead."""

from __future__ import annotations

import dataclasses
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from page import publish, table

from collatio.runtime.program import ServiceSettings, StageSettings
from collatio.runtime.settings import flag, size, variable

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).with_name("settings.md")
PROGRAMS = {
    "gateway": ServiceSettings,
    "fetch_svc": StageSettings,
    "extract_svc": StageSettings,
    "compare_svc": StageSettings,
}
UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
OF_THE_MACHINE = {"concurrency": "the number of processors"}
HEAD = """\
# Settings

`python -m gateway serve`, `python -m fetch_svc serve|work`, and likewise `extract_svc` and `compare_svc`, read their
settings once, at the start. A flag (`--lease-s 10`) wins over a variable (`COLLATIO_LEASE_S=10`), a variable over a
file that holds the value (`COLLATIO_STATE_URL_FILE=/run/secrets/state-url`), a file over the default. Every fault is
told at once, with exit status 2. A size may be written `512MiB`, a switch `on` or `off`, a list of words with commas
between them, a list of folders as PATH is. `OTEL_*` variables mean what OpenTelemetry says they mean.

`collatio run`, `extract` and `up` set what an embedded mesh needs by themselves; their own options are in `--help`.

This page is made from the settings classes by `make docs`.
"""


def render() -> str:
    """Write the page: what all programs have, what all stages have, then what each adds."""
    shared, staged = _fields(ServiceSettings), _fields(StageSettings)
    lines = [HEAD, *_section("Every program", shared)]
    lines += _section("Every stage", [f for f in staged if f.name not in _names(shared)])
    for program, base in PROGRAMS.items():
        known = _names(_fields(base))
        own = [f for f in _fields(import_module(f"{program}.settings").Settings) if f.name not in known]
        lines += _section(f"`{program}`", own)
    return "\n".join(lines)


def _fields(cls: type[Any]) -> list[dataclasses.Field[Any]]:
    return list(dataclasses.fields(cls))


def _names(fields: Iterable[dataclasses.Field[Any]]) -> set[str]:
    return {field.name for field in fields}


def _section(title: str, fields: Iterable[dataclasses.Field[Any]]) -> list[str]:
    rows = [
        (f"`{flag(f.name)}`", f"`{variable(f.name)}`", f.metadata["meaning"], _default(f)) for f in fields
    ]
    return [f"## {title}", "", *table(("flag", "variable", "meaning", "default"), rows), ""]


def _default(field: dataclasses.Field[Any]) -> str:
    """Write a default as it would be given; the same on every machine."""
    value = field.default
    if value is dataclasses.MISSING:
        return "required"
    if field.name in OF_THE_MACHINE:
        return OF_THE_MACHINE[field.name]
    if value is None or value in ("", ()):
        return "unset"
    if field.metadata["parse"] is size:
        return _bytes(int(value))
    return f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bytes(value: int) -> str:
    for factor, unit in UNITS:
        if value % factor == 0:
            return f"`{value // factor}{unit}`"
    return f"`{value}`"


if __name__ == "__main__":
    raise SystemExit(publish(PAGE, render(), sys.argv[1:]))
