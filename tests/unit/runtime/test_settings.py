"""Settings: flags over variables over files over defaults, and every fault at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from collatio.runtime import settings as s
from collatio.runtime.errors import CollatioError, Reason


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Some settings."""

    state_url: str = s.setting("where the store is")
    lease_s: float = s.setting("a lease, seconds", parse=s.positive, default=30.0)
    listen: str = s.setting("where to listen", parse=s.address, default="127.0.0.1:0")
    secret: str = s.setting("a secret", default="")


def fault_of(argv: list[str], environ: dict[str, str] | None = None) -> str:
    """Return the message with which settings are refused."""
    with pytest.raises(CollatioError) as caught:
        s.read(Settings, argv, environ or {})
    assert caught.value.reason is Reason.SETTINGS_INVALID
    return caught.value.message


def test_a_flag_wins_over_a_variable_and_that_over_the_default() -> None:
    """In both spellings of a flag."""
    environ = {"COLLATIO_STATE_URL": "redis://env", "COLLATIO_LEASE_S": "5"}
    assert s.read(Settings, [], environ) == Settings(state_url="redis://env", lease_s=5.0)
    found = s.read(Settings, ["--state-url", "redis://flag", "--lease-s=7"], environ)
    assert found == Settings(state_url="redis://flag", lease_s=7.0)


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    """For secrets: read without its line end, and passed over where the variable itself is set."""
    file = tmp_path / "secret"
    file.write_text("sesame\n")
    environ = {"COLLATIO_STATE_URL": "x", "COLLATIO_SECRET_FILE": str(file)}
    assert s.read(Settings, [], environ).secret == "sesame"
    assert s.read(Settings, [], environ | {"COLLATIO_SECRET": "other"}).secret == "other"


def test_an_empty_variable_is_not_set() -> None:
    """As container files leave them."""
    assert s.read(Settings, ["--state-url", "x"], {"COLLATIO_LEASE_S": ""}).lease_s == 30.0


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """What is missing, what cannot be read, what is unknown, each by its flag and its variable."""
    missing = tmp_path / "absent"
    environ = {"COLLATIO_LISTEN": "nowhere", "COLLATIO_SECRET_FILE": str(missing)}
    message = fault_of(["--lease-s", "-1", "--colour=red", "stray"], environ)
    for part in (
        "--state-url (or COLLATIO_STATE_URL) is required: where the store is",
        "--lease-s (or COLLATIO_LEASE_S): must be a number above 0",
        "--listen (or COLLATIO_LISTEN): must be HOST:PORT",
        "--secret (or COLLATIO_SECRET)",
        "--colour=red is not a flag of this program",
        "stray is not a flag of this program",
    ):
        assert part in message


def test_a_flag_needs_its_value() -> None:
    """A flag at the end is told so."""
    assert "--state-url needs a value" in fault_of(["--state-url"])


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (s.positive, {"1": 1.0, "0.5": 0.5}, ["0", "-1", "nan", "inf", "x", ""]),
        (s.not_negative, {"0": 0.0, "2": 2.0}, ["-0.1", "nan", "inf", "x"]),
        (s.count, {"1": 1, " 7 ": 7}, ["0", "-3", "1.5", "x"]),
        (
            s.size,
            {"10": 10, "64KiB": 65_536, "1 MiB": 1 << 20, "2GiB": 2 << 30},
            ["0", "-1KiB", "1KB", "MiB", "1.5MiB"],
        ),
        (s.switch, {"on": True, "TRUE": True, "1": True, "off": False, "no": False}, ["", "maybe"]),
        (s.words, {"a, b,,c": ("a", "b", "c"), "": ()}, []),
        (s.paths, {"/a:/b c": (Path("/a"), Path("/b c")), "": ()}, ["a", "/a:b"]),
        (
            s.address,
            {"127.0.0.1:0": "127.0.0.1:0", "[::1]:50050": "[::1]:50050"},
            ["127.0.0.1", ":80", "a:b", "a:70000", "a:-1"],
        ),
        (s.one_of("json", "plain"), {"json": "json"}, ["JSON", ""]),
    ],
)
def test_values_are_parsed_or_refused(parse: object, good: dict[str, object], bad: list[str]) -> None:
    """Each parser takes what it says, and nothing else."""
    assert {text: parse(text) for text in good} == good  # type: ignore[operator] # a parser, by its rows
    for text in bad:
        with pytest.raises(ValueError, match=r"\S"):
            parse(text)  # type: ignore[operator] # as above


def test_help_names_every_setting() -> None:
    """With its meaning, its default or that it is required, and its variable."""
    text = s.describe(Settings)
    assert len(text.splitlines()) == 4
    assert "--state-url" in text
    assert "(required; COLLATIO_STATE_URL)" in text
    assert "default 30.0; COLLATIO_LEASE_S" in text
