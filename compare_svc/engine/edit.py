"""Names what differs in running text: edits, with their places, before any text is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from compare_svc.engine.artifacts import DISGUISES

if TYPE_CHECKING:
    from compare_svc.engine.model import ChangeKind


class Span(NamedTuple):
    """Code points of a block's text, from `begin` to before `end`; an end past the block's reaches into the next."""

    block: int
    begin: int
    end: int
    text: str | None = None


class Edit(NamedTuple):
    """One difference of running text. `at` are the tokens before which it stands, for the order of edits.

    A deletion within a block that has a counterpart has an empty span on the right, where it stood; so has an
    insertion on the left. Of a whole block's the other side is unset.
    """

    kind: ChangeKind
    at: tuple[int, int]
    left: Span | None = None
    right: Span | None = None
    reason: str = ""

    @property
    def in_disguise(self) -> bool:
        """Whether both sides hold the same words, spaced, hyphenated or encoded differently."""
        return self.reason in DISGUISES
