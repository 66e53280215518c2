"""The ledger's times and caps, all in one place."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

SECOND_MS = 1000
DAY_MS = 24 * 3600 * SECOND_MS


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things last and how often they are tried. Times in milliseconds.

    The window bounds the predicted time handed out a live worker slot. It stays below half of
    `dispatch_ms`, or steps would be sent again while they wait their turn (RELIABILITY section 1.5).
    """

    lease_ms: int = 30_000
    dispatch_ms: int = 60_000
    call_lease_ms: int = 60_000
    worker_ttl_ms: int = 30_000
    window_ms: int = 4_000
    target_ms: int = 100
    hungry_ms: int = 100
    message_ms_min: int = 10
    message_steps_max: int = 128
    infrastructure_attempts: int = 10
    document_attempts: int = 2
    transient_attempts: int = 4
    step_ttl_ms: int = 14 * DAY_MS
    failure_ttl_ms: int = 3_600_000
    event_ttl_ms: int = 600_000

    @classmethod
    def for_leases(cls, lease_s: float, dispatch_s: float) -> Limits:
        """Make the limits that follow from the two leases: L, a step's, and D, a dispatch's."""
        lease_ms, dispatch_ms = round(lease_s * SECOND_MS), round(dispatch_s * SECOND_MS)
        return cls(
            lease_ms=lease_ms,
            dispatch_ms=dispatch_ms,
            call_lease_ms=2 * lease_ms,
            worker_ttl_ms=lease_ms,
            window_ms=min(4_000, max(1, dispatch_ms // 2 - 1)),
        )

    def to_json(self) -> str:
        """Write what the scripts read."""
        return json.dumps(asdict(self), separators=(",", ":"))
