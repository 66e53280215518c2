"""How long a document will take, guessed from its type and size; what batches and the window count in."""

from __future__ import annotations

from typing import Final

from extract_svc.engine import ocr

_DEFAULT: Final = (8.0, 60_000.0)
_RECOGNISED_MS: Final = 1_500
# Milliseconds for a document as such, and bytes a further millisecond; fitted on real documents (DECISIONS 9).
_RATES: Final[dict[str, tuple[float, float]]] = {
    "application/pdf": (6.0, 12_000.0),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (3.0, 40_000.0),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (4.0, 20_000.0),
    "text/html": (2.0, 60_000.0),
    "text/plain": (1.5, 150_000.0),
    "text/markdown": (2.0, 60_000.0),
    "text/csv": (1.5, 60_000.0),
}


def predict_ms(media_type: str, size_bytes: int) -> int:
    """Predict the milliseconds of work a document is, at least 1."""
    if media_type.startswith("image/") and ocr.available():
        return _RECOGNISED_MS
    base, rate = _RATES.get(media_type, _DEFAULT)
    return max(1, round(base + size_bytes / rate))
