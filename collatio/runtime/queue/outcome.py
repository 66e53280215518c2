"""What a stage's handler yields for each step it ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from collatio.runtime.errors import CollatioError, Reason


@dataclass(frozen=True, slots=True)
class Work:
    """A step as a handler sees it: its references and options, already parsed."""

    key: str
    token: int
    attempt: int
    tenant: str
    job: str
    spec: Mapping[str, Any]
    queued_ms: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """It succeeded. `summary` is small (1 KiB as JSON); `children` are specs of further work.

    A `provisional` result is the asking job's alone: another run may do better.
    """

    digest: str
    summary: Mapping[str, Any]
    children: Sequence[Mapping[str, Any]] = field(default=())
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """It failed with a typed error; whether it is tried again follows from the reason."""

    error: CollatioError


@dataclass(frozen=True, slots=True)
class Crashed:
    """Its sandbox died: charged to the document, tried once more alone."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class GivenBack:
    """It was not run, or stopped: nobody wants it any more, or this worker is stopping."""


Outcome = Done | Failed | Crashed | GivenBack


class Hand(Protocol):
    """How a handler and its message's runner talk while work goes on."""

    def begin(self, work: Work, stop: Callable[[], None] | None = None) -> bool:
        """Say that a step is begun. False: leave it, it is unwanted or this worker is stopping.

        `stop` is called, from another thread, when the step in hand must be stopped.
        """
        ...

    def unwanted(self, work: Work) -> bool:
        """Tell whether a step should be given back: nobody wants it, or this worker is about to be killed."""
        ...


class Handler(Protocol):
    """A stage's work. Lives as long as its pool child."""

    def handle(self, batch: Sequence[Work], hand: Hand) -> Iterator[tuple[Work, Outcome]]:
        """Run a message's steps, yielding each outcome as it is reached, every step once."""
        ...

    def before_commit(self) -> None:
        """Make durable what the outcomes yielded so far refer to."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """Tell what only a live handler can, for GetCapabilities. Called once, from a thread; may take seconds."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...
