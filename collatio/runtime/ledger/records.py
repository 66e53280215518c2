"""What goes into the ledger and what comes out, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """Where a step stands."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    RUNNING = "RUNNING"
    RETRY_WAIT = "RETRY_WAIT"
    DONE = "DONE"
    FAILED = "FAILED"
    MISSING = "MISSING"

    @property
    def terminal(self) -> bool:
        """Whether the step has its outcome."""
        return self in {State.DONE, State.FAILED}


class Verdict(StrEnum):
    """What a transition answers for one step."""

    RUN = "run"
    DONE = "done"
    BUSY = "busy"
    DROPPED = "dropped"
    WRONG_ENGINE = "wrong_engine"
    OK = "ok"
    LOST = "lost"
    UNWANTED = "unwanted"
    COMMITTED = "committed"
    DUPLICATE = "duplicate"
    FENCED = "fenced"
    REQUEUED = "requeued"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of work to submit.

    `spec` is JSON of references and options, never content; CLAIM hands it to the worker. `engine` is the
    fingerprint ("name@version") a worker must announce; "" runs anywhere. `lost` is an outcome digest whose
    blob is gone: a step that is DONE with it runs again. So does one that failed before `reopen_before_ms`, and
    one that ended before `redo_before_ms`, whatever came of it.
    """

    key: str
    spec: str
    cost_ms: int
    engine: str = ""
    traceparent: str = ""
    reopen_before_ms: int | None = None
    lost: str | None = None
    redo_before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class StepState:
    """A step as the ledger has it. Times in ms since the epoch, 0 where there is none.

    `known` says that it had ended before this call submitted it; `job` is its first submitter's.
    """

    key: str
    state: State
    generation: int = 0
    digest: str = ""
    summary: str = ""
    children: str = ""
    reason: str = ""
    message: str = ""
    transient: bool = False
    traceparent: str = ""
    queued_ms: int = 0
    begun_ms: int = 0
    ended_ms: int = 0
    attempt: int = 0
    known: bool = False
    joined: bool = False
    job: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What TAKE chose for one Celery message: steps of one job for one engine.

    `cost_ms` is predicted; `traceparent` is the first step's, under which the message is sent.
    """

    message: str
    tenant: str
    job: str
    engine: str
    steps: tuple[str, ...]
    cost_ms: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """Messages to publish, and when something is due next (ms from now; None: nothing)."""

    messages: tuple[Message, ...] = ()
    next_due_ms: int | None = None
    due: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """The present state of each submitted step, in order, and the messages taken along.

    `lapsed`: the call was registered and is so no more; nothing was done, and all it wants is to be submitted anew.
    """

    steps: tuple[StepState, ...]
    taken: Taken
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The verdict on one step of a message; token, spec and attempt are set for RUN."""

    key: str
    verdict: Verdict
    token: int = 0
    attempt: int = 0
    spec: str = ""
    traceparent: str = ""
    queued_ms: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """One step's result on its way into the ledger; made by the functions of `commands`."""

    key: str
    token: int
    kind: str
    fields: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Status:
    """A stage as the ledger sees it. Times in ms since the epoch, 0 where there is none."""

    queued: int
    sent: int
    running: int
    retry_wait: int
    outstanding_ms: int
    no_workers_since_ms: int
    window_full_since_ms: int
    retry_wait_since_ms: int
    oldest_queued_ms: int
    now_ms: int
    done_last_minute: int
    slots: int
    workers: int
    worker_infos: tuple[str, ...]
    quarantined: int
    due: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A step given up on, with its history."""

    step: StepState
    job: str
    document_attempts: int
    infrastructure_attempts: int
