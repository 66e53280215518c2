"""The one typed error that crosses every boundary.

The same reasons appear in an RPC's `ErrorInfo` and in a document's `DocumentError`, so a caller learns one
vocabulary. This file reaches no gRPC: `runtime/rpc/status.py` is the only place where a category becomes a status
code and back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.catalogue import CATALOGUE
from collatio.runtime.reasons import Category, Entry, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CATALOGUE", "Category", "CollatioError", "Entry", "Reason", "Violation", "invalid"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field of a request: its path in proto names (`job.spec.sources[0].uri`) and what is wrong."""

    field: str
    description: str


class CollatioError(Exception):
    """Something a caller can act on.

    `reason` is the word to branch on; `message` is a sentence for a person and holds no document text,
    no credentials and no raw exception text. `retry_after_s` (seconds) is set where waiting helps.
    `metadata` are short key-value pairs that ErrorInfo carries.
    """

    def __init__(
        self,
        reason: Reason,
        message: str = "",
        *,
        retry_after_s: float | None = None,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.reason = reason
        self.message = message or CATALOGUE[reason].meaning
        self.retry_after_s = retry_after_s
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        super().__init__(f"{reason}: {self.message}")

    def __reduce__(self) -> tuple[object, ...]:
        """Survive a process boundary with every field intact."""
        return (_rebuild, (self.reason, self.message, self.retry_after_s, self.violations, self.metadata))

    @property
    def entry(self) -> Entry:
        """The catalogue's line for this reason."""
        return CATALOGUE[self.reason]

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without a change."""
        return self.entry.retryable


def _rebuild(
    reason: Reason,
    message: str,
    retry_after_s: float | None,
    violations: tuple[Violation, ...],
    metadata: dict[str, str],
) -> CollatioError:
    return CollatioError(
        reason, message, retry_after_s=retry_after_s, violations=violations, metadata=metadata
    )


def invalid(field: str, description: str) -> CollatioError:
    """Make the INVALID_REQUEST error for one bad field."""
    return CollatioError(
        Reason.INVALID_REQUEST, f"{field}: {description}", violations=[Violation(field, description)]
    )
