"""Step keys: what makes two pieces of work the same piece of work."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def canonical(value: Any) -> str:
    """Write JSON so that equal values give equal text: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def step_key(*, tenant: str, stage: str, engine: str, parts: Mapping[str, Any]) -> str:
    """Digest what a step depends on: tenant, stage, engine fingerprint, inputs and resolved options.

    Asking twice is asking once: equal arguments give the same key. 40 hexadecimal digits (160 bits).
    """
    text = canonical({"tenant": tenant, "stage": stage, "engine": engine, "parts": parts})
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
