"""Fixtures of the wire tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.wire.fake_gateway import FakeGateway, served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of documents, and work in the folder that holds it."""
    docs = tmp_path / "docs"
    (docs / "sub").mkdir(parents=True)
    (docs / "a.txt").write_text("one two three four\n\nh1\th2")
    (docs / "b.txt").write_text("one two three five")
    (docs / "sub" / "ç d.txt").write_text("nothing alike")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLLATIO_GATEWAY", raising=False)
    return docs


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    """Run a gateway elsewhere."""
    with served() as running:
        yield running
