"""What the tests share: a real Valkey of their own, and a name for each test's keys."""

from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.valkey import valkey_server

if TYPE_CHECKING:
    from collections.abc import Iterator

# CI tries the same cases every time: what it finds is what the change broke. Elsewhere chance may find more.
# A machine that does other work at the same time is no fault of a test, so no example is too slow.
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("ci", derandomize=True, **_PATIENT)
hypothesis.settings.register_profile("patient", **_PATIENT)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "patient")

# A shell's background job ignores SIGINT, and so would every program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey, alone for this run."""
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
def stage_name() -> str:
    """A ledger's name no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def corpus() -> Path:
    """The shared corpus; the test is skipped where it is not laid beside the clone."""
    folder = SHARED / "corpus"
    if not folder.is_dir():
        pytest.skip("needs ../shared/corpus, which is not beside this clone")
    return folder
