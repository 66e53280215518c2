"""Decoding bytes of unknown encoding."""

from __future__ import annotations

import pytest

from extract_svc.engine.charset import decode, known

_RUSSIAN = "Настоящий договор заключен между поставщиком и заказчиком. " * 4


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1251", "koi8-r"]
)
def test_text_survives_its_encoding(encoding: str) -> None:
    """Text comes back whole from the encodings documents are found in."""
    assert decode(_RUSSIAN.encode(encoding))[0] == _RUSSIAN


def test_declared_encoding_is_used_where_it_fits() -> None:
    """A declared encoding decides what bytes alone leave open."""
    assert decode("été".encode("cp1252"), "iso-8859-1") == ("été", "cp1252")


def test_utf8_beats_a_wrong_declaration() -> None:
    """Bytes that are valid UTF-8 are UTF-8, whatever was declared."""
    assert decode("naïve".encode(), "iso-8859-1")[0] == "naïve"


@pytest.mark.parametrize("name", ["", "base64", "no-such-thing", "hex"])
def test_what_makes_no_text_is_not_an_encoding(name: str) -> None:
    """Codecs that make no text are refused."""
    assert known(name) == ""


def test_never_fails() -> None:
    """Any bytes decode to something."""
    assert isinstance(decode(bytes(range(256)))[0], str)
