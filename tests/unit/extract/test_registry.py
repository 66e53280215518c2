"""Choosing extractors, and knowing them without loading what they parse with."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.model import Block, BlockKind, Document, Extraction, Options
from extract_svc.engine.registry import GROUP, Registry, fingerprint

_ROOT = Path(__file__).resolve().parents[3]
_PARSERS = ("lxml", "pypdfium2", "selectolax", "markdown_it", "chardet", "py3langid", "re2", "numpy")


@dataclass(frozen=True)
class Shout:
    """An extractor for tests: text in capitals."""

    name: str = "shout"
    version: str = "7"
    media_types: frozenset[str] = frozenset(("text/plain",))
    priority: int = 5
    needs_network: bool = False

    def extract(self, document: Document, options: Options) -> Extraction:
        """Read text aloud."""
        text = document.data.decode().upper()
        return Extraction(document.media_type, blocks=(Block(BlockKind.PARAGRAPH, text),))


def test_loading_and_fingerprints_load_no_parser() -> None:
    """A server that names engines carries no parser library."""
    code = (
        "import sys\n"
        "from extract_svc.engine.registry import Registry, fingerprint\n"
        "registry = Registry.load()\n"
        "[fingerprint(registry.resolve(t)) for t in registry.media_types()]\n"
        f"print([name for name in {_PARSERS!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_priority_decides_and_wish_overrides() -> None:
    """The highest priority reads a type, unless the caller names another."""
    registry = Registry([*Registry.load(), Shout()])
    assert registry.resolve("text/plain").name == "shout"
    assert registry.resolve("text/plain", ["absent", "text"]).name == "text"


def test_unknown_type_is_unsupported() -> None:
    """A type nobody reads is an error that names it."""
    with pytest.raises(CollatioError) as caught:
        Registry([]).resolve("application/x-none")
    assert caught.value.reason is Reason.FORMAT_UNSUPPORTED
    assert caught.value.metadata == {"mediaType": "application/x-none"}


def test_fingerprint_is_name_and_version() -> None:
    """The fingerprint changes with the version and with nothing else."""
    assert fingerprint(Shout()) == "shout@7"
    assert fingerprint(Shout(version="8")) == "shout@8"


def test_entry_points_add_extractors() -> None:
    """An extractor class announced by an entry point is found beside the shipped ones."""
    sys.modules.setdefault("collatio_test_shout", sys.modules[__name__])
    registry = Registry.load([EntryPoint("shout", "collatio_test_shout:Shout", GROUP)])
    assert registry.find("shout") is not None
    assert registry.find("pdf") is not None
