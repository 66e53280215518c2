"""Whether a mesh kept its promises, judged from outside: the public API and the history of its ledgers.

The judge shares no code with what it judges: its own table of legal moves, its own reading of the history.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collatio.client import ComparisonView, DocumentState, JobState
from tests.chaos.history import ABSENT, STAGES
from tests.support.jobs import comparisons_of, documents_of, told_again

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from redis import Redis

    from collatio.client import Client, Job
    from tests.chaos.history import History, StepHistory

EXTRACTED = DocumentState.DOCUMENT_STATE_EXTRACTED
ENDED = {"DONE", "FAILED"}

# From the state diagram in docs/architecture.md. A step that went back to the queue keeps its token, so a late
# commit is taken there too; a message that is late finds its step QUEUED again and may claim it. What has ended
# begins anew only as a new generation.
LEGAL = {
    (ABSENT, "QUEUED"),
    ("QUEUED", "SENT"),
    ("QUEUED", "RUNNING"),
    ("SENT", "RUNNING"),
    ("SENT", "QUEUED"),
    ("RUNNING", "QUEUED"),
    ("RETRY_WAIT", "QUEUED"),
    ("SENT", "RETRY_WAIT"),
    ("QUEUED", "RETRY_WAIT"),
    ("RUNNING", "RETRY_WAIT"),
    ("RUNNING", "DONE"),
    ("SENT", "DONE"),
    ("QUEUED", "DONE"),
    ("RETRY_WAIT", "DONE"),
    ("RUNNING", "FAILED"),
    ("QUEUED", ABSENT),
    ("SENT", ABSENT),
    ("RUNNING", ABSENT),
    ("RETRY_WAIT", ABSENT),
    ("DONE", "QUEUED"),
    ("FAILED", "QUEUED"),
}


@dataclass(slots=True)
class Findings:
    """What was counted, and what was found wrong: a sentence each."""

    steps: int = 0
    sent: int = 0
    runs: int = 0
    messages_lost: int = 0
    duplicate_commits: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def runs_again(self) -> int:
        """How often a step ran that had run before."""
        return self.runs - self.steps


def check_history(history: History) -> Findings:
    """Hold every step's history to the rules: legal moves, one commit a generation by its holder, told once."""
    found = Findings()
    lost_messages: set[tuple[str, str]] = set()
    for step in history.steps.values():
        if not any(move.after == "RUNNING" for move in step.moves):
            continue
        found.steps += 1
        _check_step(step, found, lost_messages)
        ends = sum(move.after in ENDED for move in step.moves)
        if history.told[step.stage, step.key] != ends:
            told = history.told[step.stage, step.key]
            found.wrong.append(f"{step.stage} {step.key}: ended {ends} times, told {told} times")
    found.messages_lost = len(lost_messages)
    return found


def _check_step(step: StepHistory, found: Findings, lost_messages: set[tuple[str, str]]) -> None:
    commits: Counter[int] = Counter()
    token, running = 0, ""
    for move in step.moves:
        found.sent += move.after == "SENT"
        if (move.before, move.after) not in LEGAL:
            found.wrong.append(f"{step.stage} {step.key}: {move.before} -> {move.after}")
        if move.before in ENDED and move.after == "QUEUED" and move.generation < 2:
            found.wrong.append(f"{step.stage} {step.key}: began anew in its first generation")
        if move.after == "RUNNING":
            found.runs += 1
            if move.token <= token:
                found.wrong.append(f"{step.stage} {step.key}: token {move.token} after {token}")
            if running:
                lost_messages.add((step.stage, running))
            token, running = move.token, move.message
        elif move.after in ENDED:
            commits[move.generation] += 1
            if move.token != token:
                found.wrong.append(f"{step.stage} {step.key}: committed under {move.token}, not {token}")
            running = ""
    found.duplicate_commits += sum(count - 1 for count in commits.values())
    if step.state not in {"DONE", "FAILED", ABSENT}:
        found.lost += 1
        found.wrong.append(f"{step.stage} {step.key}: was left {step.state}")


def check_at_rest(client: Redis) -> list[str]:
    """Look for what a mesh at rest must not hold: timers, counters, interest, queued steps."""
    wrong = []
    for stage in STAGES:
        name = f"{{collatio:{stage}}}"
        if due := client.zcard(f"{name}:due"):
            wrong.append(f"{stage}: {due} steps are due")
        counts = _numbers(client.hgetall(f"{name}:counts"))
        wrong += [f"{stage}: counts {key} as {value}" for key, value in counts.items() if value]
        left = [
            key.decode()
            for kind in ("want", "call", "ready", "lanes")
            for key in client.scan_iter(f"{name}:{kind}:*", count=1000)
        ]
        wrong += [f"{key} was left behind" for key in left]
        for kind in ("calls", "tenants", "lanecost"):
            if client.exists(f"{name}:{kind}"):
                wrong.append(f"{name}:{kind} was left behind")
    return wrong


def _numbers(raw: object) -> Mapping[str, int]:
    assert isinstance(raw, dict)
    return {key.decode(): int(value) for key, value in raw.items()}


async def check_job(client: Client, target: str, job: Job, submitted: Iterable[str]) -> list[str]:
    """Hold a job to its promises, by the public API: all that was submitted, each once, a history without a gap."""
    wrong = []
    if job.state != JobState.JOB_STATE_SUCCEEDED:
        wrong.append(f"{job.name} ended {JobState.Name(job.state)}: {job.error.reason} {job.error.message}")
    asked = Counter(submitted)
    listed = await documents_of(client, job)
    if (got := Counter(document.uri for document in listed)) != asked:
        wrong.append(f"{job.name}: {(asked - got).total()} documents lost, {(got - asked).total()} too many")
    if unfinished := sum(document.state != EXTRACTED for document in listed):
        wrong.append(f"{job.name}: {unfinished} documents are not extracted")
    if job.documents.extracted != len(listed):
        wrong.append(f"{job.name}: counts {job.documents.extracted} of {len(listed)} documents")
    events = await told_again(target, job.name)
    if [event.sequence for event in events] != list(range(1, job.sequence + 1)):
        wrong.append(f"{job.name}: its events have a gap")
    done = Counter(e.document.document_id for e in events if e.document.state == EXTRACTED)
    if set(done.values()) != {1} or len(done) != len(listed):
        wrong.append(f"{job.name}: {done.total()} documents told as extracted, of {len(listed)}")
    pairs = Counter(each.comparison_id for each in await comparisons_of(client, job))
    if set(pairs.values()) - {1} or not len(pairs) == job.comparisons.planned == job.comparisons.compared:
        wrong.append(f"{job.name}: {pairs.total()} pairs listed of {job.comparisons.planned} planned")
    return wrong


async def results_of(client: Client, job: Job) -> dict[str, str]:
    """Digest all that a job brought: each extraction's own bytes, read back, and each comparison in full."""
    found = {}
    for document in await documents_of(client, job):
        digest = hashlib.sha256()
        async for chunk in client.read_blob(document.extraction.sha256):
            digest.update(chunk)
        found[document.uri] = digest.hexdigest()
    async for each in client.comparisons(job.name, ComparisonView.COMPARISON_VIEW_FULL):
        data = each.SerializeToString(deterministic=True)
        found[each.comparison_id] = hashlib.sha256(data).hexdigest()
    return found


def differences(found: Mapping[str, str], undisturbed: Mapping[str, str]) -> Sequence[str]:
    """Name the results that are not those of an undisturbed run, byte for byte."""
    every = {**found, **undisturbed}
    return [f"{name} differs" for name in every if found.get(name) != undisturbed.get(name)]
