"""Durations, labels and addresses are read, or refused with a sentence."""

from __future__ import annotations

import click
import pytest

from collatio.cli.options import Duration, Gateway, Label


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400)]
)
def test_duration_is_read(text: str, seconds: float) -> None:
    """A number and a unit; seconds where there is none."""
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1w", "m", "1h30m", "inf"])
def test_wrong_duration_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(click.BadParameter, match="duration"):
        Duration().convert(text, None, None)


def test_label_is_read() -> None:
    """The first "=" parts key and value; a value may be empty."""
    assert Label().convert("a=b=c", None, None) == ("a", "b=c")
    assert Label().convert("a=", None, None) == ("a", "")
    with pytest.raises(click.BadParameter, match="key=value"):
        Label().convert("=b", None, None)


def test_gateway_is_checked() -> None:
    """An address that cannot be dialled is a usage error."""
    assert Gateway().convert("a:1, b:2", None, None) == "a:1,b:2"
    with pytest.raises(click.BadParameter, match="HOST:PORT"):
        Gateway().convert("a", None, None)
