"""Places where a test may have a process die, stop, wait or fail.

`reach(name)` stands in the code where a crash would hurt; without a folder it does nothing. With one, a file of
that name arms the place: its text is an action, and the first process to reach the place takes the file away and
acts. So a point fires once in a whole mesh, and a process that is started again does not die again. What was taken
lies beside, as `name.PID`.

    kill                   SIGKILL to itself
    stop                   SIGSTOP to itself: whoever armed the point continues it
    delay SECONDS          stand still, all that this thread does with it
    raise REASON           raise the typed error of a reason
    kill after=5           any of them: pass over the first five times in a process
    kill in=extract_svc    any of them: in processes of this program alone

Only tests have a use for this: a process in production refuses to start with it.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {
    "stage.request.read": "a stage server read a request; its steps are not submitted",
    "stage.reply.before": "outcomes are known to a stage server; the caller has not been told",
    "dispatcher.submit.before": "waiters are registered; SUBMIT has not run",
    "dispatcher.publish.before": "steps are taken and SENT; their messages are not published",
    "dispatcher.publish.after": "messages are published; nothing awaits them yet",
    "dispatcher.unsend.before": "a publish failed; its steps are still SENT",
    "dispatcher.event.read": "an event was read; the states it tells of were not",
    "dispatcher.expire.before": "steps are due; nobody has looked",
    "dispatcher.touch.before": "calls' interest is about to be renewed",
    "dispatcher.drop.before": "a call is over; its interest stands",
    "worker.claim.before": "a message arrived; its steps are SENT",
    "worker.claim.after": "steps are RUNNING under a lease; nothing was run",
    "worker.step.begun": "a step is in hand",
    "worker.step.done": "an outcome was reached, its blob is written; it is not noted",
    "worker.settle.before": "outcomes are durable; SETTLE has not run",
    "worker.settle.after": "outcomes are committed; the message is not acknowledged",
    "worker.message.end": "a message is done with; Celery does not know",
    "worker.renew.before": "leases are about to be renewed",
    "worker.release.before": "steps are about to be given back",
    "worker.abandon.before": "a pool child died; the ledger does not know",
    "worker.beat.before": "a worker is about to announce itself",
    "blob.rename.before": "a blob's bytes are in a temporary file",
    "blob.rename.after": "a blob has its name; nothing refers to it",
    "blob.sync.before": "blobs are referred to next; they are not durable",
    "fetch.memo.before": "a document is fetched; its validator is not remembered",
    "gateway.create.before": "a job's inputs are stored; there is no job",
    "gateway.create.after": "a job is journaled; its caller does not know",
    "gateway.lease.after": "jobs are leased; nobody runs them",
    "gateway.run.begun": "a run has read its job; it has asked for nothing",
    "gateway.stream.open": "a stage's stream is about to be opened",
    "gateway.document.noted": "a fetched document is noted; its extraction is not asked for",
    "gateway.write.before": "outcomes arrived; the journal does not have them",
    "gateway.write.after": "the journal has outcomes; the run does not know",
    "gateway.finish.before": "all is in; the job has not ended",
    "gateway.finish.after": "the job has ended; its run does not know",
    "gateway.renew.before": "jobs' leases are about to be renewed",
    "gateway.cancel.after": "a cancellation is journaled; its caller does not know",
    "gateway.watch.event": "an event is about to be told to a watcher",
    "gateway.conclusion.before": "all tiles are in; the conclusion is not kept",
}


@dataclass(frozen=True, slots=True)
class Action:
    """What a point does when it is reached, after so many times that it does nothing; "" is any program."""

    word: str
    argument: str = ""
    after: int = 0
    program: str = ""

    @classmethod
    def parse(cls, text: str) -> Action:
        """Read an action. Raises ValueError for one that is none."""
        words = [word for word in text.split() if "=" not in word]
        options = dict(word.split("=", 1) for word in text.split() if "=" in word)
        match words:
            case ["kill" | "stop"]:
                pass
            case ["delay", seconds]:
                float(seconds)
            case ["raise", reason]:
                Reason(reason)
            case _:
                raise ValueError(f"{text!r} is no failpoint's action")
        if options.keys() - {"after", "in"}:
            raise ValueError(f"{text!r} has an option that is none")
        word, argument = (*words, "")[:2]
        return cls(word, argument, int(options.get("after", 0)), options.get("in", ""))


class _Armoury:
    """A folder of armed points, and how often this process has passed each."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder, self._program = folder, program
        self._passed: dict[str, int] = {}

    def reach(self, name: str) -> None:
        """Act, if the point is armed and no other process is quicker."""
        armed = self._folder / name
        try:
            action = Action.parse(armed.read_text("ascii"))
            if action.program not in {"", self._program}:
                return
            if (passed := self._passed.get(name, 0)) < action.after:
                self._passed[name] = passed + 1
                return
            armed.rename(self._folder / f"{name}.{os.getpid()}")
        except FileNotFoundError:
            return
        self._passed.pop(name, None)
        _act(action)


def _act(action: Action) -> None:
    match action.word:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "delay":
            time.sleep(float(action.argument))
        case _:
            raise CollatioError(Reason(action.argument))


_armoury: _Armoury | None = None


def enable(folder: Path | None, env: str, program: str) -> None:
    """Heed a folder of armed points in this process, which is of this program, and those it forks. Errors: SETTINGS_INVALID."""
    global _armoury  # noqa: PLW0603 - reaching a point must cost nothing where there are none, and needs no argument
    if folder is None:
        _armoury = None
        return
    if env == "production":
        raise CollatioError(
            Reason.SETTINGS_INVALID, "failpoints are for tests: not with COLLATIO_ENV=production"
        )
    if not folder.is_dir():
        raise CollatioError(Reason.SETTINGS_INVALID, f"the folder of failpoints is not there: {folder}")
    armed = sorted(path.name for path in folder.iterdir() if not path.suffix[1:].isdigit())
    if unknown := [name for name in armed if name not in NAMES]:
        raise CollatioError(Reason.SETTINGS_INVALID, f"no failpoint has the name {', '.join(unknown)}")
    _armoury = _Armoury(folder, program)


def reach(name: str) -> None:
    """Do what the point is armed with; nothing, if it is not."""
    if _armoury is not None:
        _armoury.reach(name)


def arm(folder: Path, name: str, action: str = "kill") -> None:
    """Arm a point for the next process to reach it. Raises ValueError for a name or an action that is none."""
    if name not in NAMES:
        raise ValueError(f"no failpoint has the name {name}")
    Action.parse(action)
    draft = folder / f".{name}.0"
    draft.write_text(action, encoding="ascii")
    draft.rename(folder / name)


def taken(folder: Path, name: str) -> int | None:
    """Return the process that took an armed point; None while none has. The latest, if it was armed again."""
    found = sorted(folder.glob(f"{name}.[0-9]*"), key=lambda path: path.stat().st_ctime_ns)
    return int(found[-1].suffix[1:]) if found else None
