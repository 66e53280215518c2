"""What a server imports stays light, and the shipped comparator comes through the public door."""

from __future__ import annotations

import subprocess
import sys

from collatio.plugins.comparators import Block, Comparator, Document, Options
from compare_svc.engine.shipped import words
from compare_svc.engine.versioning import ENGINE

LIGHT = "compare_svc.engine.model, compare_svc.engine.plan, compare_svc.engine.shipped, compare_svc.engine.versioning"
HEAVY = ("re2", "numpy", "scipy", "rapidfuzz", "grpc", "celery", "redis", "google.protobuf", "opentelemetry")


def test_planning_and_naming_load_no_diff_library() -> None:
    """Models, plans and the comparator's declaration import neither numpy nor rapidfuzz, nor any transport."""
    code = f"import sys, {LIGHT}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_engine_loads_no_transport() -> None:
    """Pure domain code: comparing pulls in no gRPC, Celery, Redis, telemetry or protobuf."""
    code = (
        "import sys, compare_svc.engine.compare, compare_svc.engine.families, compare_svc.engine.conclude;"
        f"print([name for name in {HEAVY[4:]!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_comparator_is_a_comparator() -> None:
    """It has a name and a version, and compares as the engine does."""
    assert isinstance(words, Comparator)
    assert f"{words.name}@{words.version}" == ENGINE
    comparison = words.compare(
        Document("a", blocks=(Block("x"),)), Document("b", blocks=(Block("y"),)), Options()
    )
    assert comparison.engine == ENGINE
