"""Each transition as a value: the script it runs, its arguments, and how to read the answer.

Nothing here does I/O. `Ledger` and `AsyncLedger` run commands; tests can look at them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from collatio.runtime.ledger.records import (
    Claim,
    Message,
    Quarantined,
    Settlement,
    State,
    Status,
    Step,
    StepState,
    Submitted,
    Taken,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
SUMMARY_BYTES_MAX = 1024
COST_MS_MAX = 10**12  # Lua and Valkey count such costs exactly, however many are added up


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """A script's name, its arguments, and the reader of its answer."""

    script: str
    args: dict[str, Any]
    read: Callable[[Any], T]


def _list(value: Any) -> list[Any]:
    """Read a Lua list: the empty one arrives as an empty object."""
    return value if isinstance(value, list) else []


def _state(raw: dict[str, Any]) -> StepState:
    return StepState(
        key=raw["key"],
        state=State(raw["state"]),
        generation=int(raw.get("generation", 0)),
        digest=raw.get("digest") or "",
        summary=raw.get("summary") or "",
        children=raw.get("children") or "",
        reason=raw.get("reason") or "",
        message=raw.get("message") or "",
        transient=raw.get("kind") == "T",
        traceparent=raw.get("traceparent") or "",
        queued_ms=int(raw.get("queued_ms") or 0),
        begun_ms=int(raw.get("begun_ms") or 0),
        ended_ms=int(raw.get("ended_ms") or 0),
        attempt=int(raw.get("attempt") or 0),
        known=bool(raw.get("known")),
        joined=bool(raw.get("joined")),
        job=raw.get("job") or "",
    )


def _taken(raw: dict[str, Any]) -> Taken:
    due = int(raw.get("next_due_ms", -1))
    messages = tuple(
        Message(
            message=m["message"],
            tenant=m["tenant"],
            job=m["job"],
            engine=m["engine"],
            steps=tuple(_list(m["steps"])),
            cost_ms=int(m["cost_ms"]),
            traceparent=m.get("traceparent") or "",
        )
        for m in _list(raw.get("messages"))
    )
    return Taken(messages, due if due >= 0 else None, int(raw.get("count", 0)))


def _verdicts(raw: dict[str, Any]) -> tuple[Verdict, ...]:
    return tuple(Verdict(v) for v in _list(raw["verdicts"]))


def _nothing(_: Any) -> None:
    return None


def _step(step: Step) -> dict[str, Any]:
    item: dict[str, Any] = {
        "key": step.key,
        "engine": step.engine,
        "cost_ms": min(COST_MS_MAX, max(1, round(step.cost_ms))),
        "spec": step.spec,
        "traceparent": step.traceparent,
    }
    if step.reopen_before_ms is not None:
        item["reopen_before_ms"] = step.reopen_before_ms
    if step.redo_before_ms is not None:
        item["redo_before_ms"] = step.redo_before_ms
    if step.lost is not None:
        item["lost"] = step.lost
    return item


def submit(
    call: str, tenant: str, job: str, steps: Sequence[Step], take_max: int = 0, *, registered: bool = False
) -> Command[Submitted]:
    """Register the call's interest in steps and learn their present state; refused to a `registered` call that lapsed."""
    args = {
        "call": call,
        "registered": registered,
        "tenant": tenant,
        "job": job,
        "steps": [_step(s) for s in steps],
        "take": take_max,
    }
    return Command(
        "submit",
        args,
        lambda raw: Submitted(
            tuple(_state(s) for s in _list(raw["steps"])), _taken(raw), bool(raw["lapsed"])
        ),
    )


def take(messages_max: int) -> Command[Taken]:
    """Choose up to `messages_max` messages for the workers."""
    return Command("take", {"messages_max": messages_max}, _taken)


def unsend(message: Message) -> Command[None]:
    """Undo the sending of a message whose publish failed."""
    return Command("unsend", {"message": message.message, "steps": list(message.steps)}, _nothing)


def claim(
    worker: str, engines: Sequence[str], message: str, steps: Sequence[str]
) -> Command[tuple[Claim, ...]]:
    """Claim a message's steps for a worker."""

    def read(raw: Any) -> tuple[Claim, ...]:
        return tuple(
            Claim(
                key=s["key"],
                verdict=Verdict(s["verdict"]),
                token=int(s.get("token", 0)),
                attempt=int(s.get("attempt", 0)),
                spec=s.get("spec") or "",
                traceparent=s.get("traceparent") or "",
                queued_ms=int(s.get("queued_ms") or 0),
            )
            for s in _list(raw["steps"])
        )

    named = dict.fromkeys(engines, True)
    return Command(
        "claim", {"worker": worker, "engines": named, "message": message, "steps": list(steps)}, read
    )


def renew(held: Sequence[tuple[str, int]], in_hand: str) -> Command[tuple[Verdict, ...]]:
    """Extend the leases of (key, token) pairs; OK, LOST or UNWANTED for each."""
    steps = [{"key": key, "token": token} for key, token in held]
    return Command("renew", {"steps": steps, "in_hand": in_hand}, _verdicts)


def settle(
    results: Sequence[Settlement], in_hand: str = "", in_hand_token: int = 0
) -> Command[tuple[Verdict, ...]]:
    """Commit and fail steps in one go, and say which step is begun next."""
    items = [{"key": r.key, "token": r.token, "kind": r.kind, **r.fields} for r in results]
    return Command(
        "settle", {"results": items, "in_hand": in_hand, "in_hand_token": in_hand_token}, _verdicts
    )


def done(
    key: str, token: int, digest: str, summary: str, children: str = "", *, provisional: bool = False
) -> Settlement:
    """Make the result of a step that succeeded. `summary` is at most 1 KiB; `children` JSON.

    A `provisional` result is known to the job that had the step run; for any other it runs again.
    """
    if len(summary.encode()) > SUMMARY_BYTES_MAX:
        msg = f"a step's summary is at most {SUMMARY_BYTES_MAX} bytes"
        raise ValueError(msg)
    fields: dict[str, str | int] = {"digest": digest, "summary": summary, "children": children}
    return Settlement(key, token, "done", {**fields, "provisional": 1} if provisional else fields)


def permanent(key: str, token: int, reason: str, message: str) -> Settlement:
    """Make the result of a step that will fail every time."""
    return Settlement(key, token, "permanent", {"reason": reason, "message": message})


def transient(key: str, token: int, reason: str, message: str, retry_after_ms: int) -> Settlement:
    """Make the result of a step that failed for a passing cause."""
    fields: dict[str, str | int] = {"reason": reason, "message": message, "retry_after_ms": retry_after_ms}
    return Settlement(key, token, "transient", fields)


def crash(key: str, token: int, reason: str, message: str) -> Settlement:
    """Make the result of a step whose sandbox died: charged to the document."""
    return Settlement(key, token, "crash", {"reason": reason, "message": message})


def release(key: str, token: int) -> Settlement:
    """Give a step back, uncharged."""
    return Settlement(key, token, "release")


def abandon(message: str, steps: Sequence[str]) -> Command[None]:
    """Report that the pool child running a message died."""
    return Command("abandon", {"message": message, "steps": list(steps)}, _nothing)


def touch(calls: Sequence[str]) -> Command[tuple[str, ...]]:
    """Keep calls' interest; answers those that had lapsed."""
    return Command("touch", {"calls": list(calls)}, lambda raw: tuple(_list(raw["lapsed"])))


def drop(call: str, steps: Sequence[str] | None = None) -> Command[None]:
    """End a call's interest, in some steps or in all."""
    args: dict[str, Any] = {"call": call}
    if steps is not None:
        args["steps"] = list(steps)
    return Command("drop", args, _nothing)


def expire(steps_max: int = 256, messages_max: int = 16) -> Command[Taken]:
    """Do what is due, and take what that made ready."""
    return Command("expire", {"steps_max": steps_max, "messages_max": messages_max}, _taken)


def read(steps: Sequence[str]) -> Command[tuple[StepState, ...]]:
    """Read steps as they are now."""
    return Command("read", {"steps": list(steps)}, lambda raw: tuple(_state(s) for s in _list(raw["steps"])))


def beat(worker: str, slots: int, engines: Sequence[str], info: str) -> Command[None]:
    """Announce a worker, the engines it runs and its slots; `info` is JSON for people."""
    return Command(
        "beat", {"worker": worker, "slots": slots, "engines": list(engines), "info": info}, _nothing
    )


def retire(worker: str, engines: Sequence[str]) -> Command[None]:
    """Take a worker's announcement back."""
    return beat(worker, 0, engines, "")


def status() -> Command[Status]:
    """Read the stage as it is now."""

    def read(raw: Any) -> Status:
        infos = tuple(i for i in _list(raw.pop("worker_infos")) if isinstance(i, str))
        return Status(worker_infos=infos, **{k: int(v) for k, v in raw.items()})

    return Command("status", {}, read)


def quarantine(offset: int, count: int) -> Command[tuple[tuple[Quarantined, ...], int]]:
    """Read steps given up on, latest first, and how many there are."""

    def read(raw: Any) -> tuple[tuple[Quarantined, ...], int]:
        steps = tuple(
            Quarantined(_state(s), s["job"], int(s["document_attempts"]), int(s["infrastructure_attempts"]))
            for s in _list(raw["steps"])
        )
        return steps, int(raw["total"])

    return Command("quarantine", {"offset": offset, "count": count}, read)


def replay(steps: Sequence[str]) -> Command[tuple[str, ...]]:
    """Forget that steps were given up on; answers those that were."""
    return Command("replay", {"steps": list(steps)}, lambda raw: tuple(_list(raw["steps"])))
