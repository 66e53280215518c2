"""Where things lie that several tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "examples" / "documents"
CORPUS = ROOT.parent / "shared" / "corpus"
