"""What every stage's servicer answers alike: its status and its quarantine; and who is calling."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from collatio.runtime.blobs.digest import DEFAULT_TENANT, is_tenant
from collatio.runtime.errors import CATALOGUE, CollatioError, Reason, invalid
from collatio.runtime.ledger import commands
from collatio.v1 import common_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

    from collatio.runtime.ledger.ledger import AsyncLedger
    from collatio.runtime.ledger.records import Quarantined, Status, StepState
    from collatio.runtime.sandbox.isolation import Isolation

TENANT_KEY = "collatio-tenant"
PAGE_DEFAULT, PAGE_MAX = 100, 1000
OFFSET_DIGITS_MAX = 16
SECONDS_MAX = 253_402_300_799  # the end of the year 9999, as far as a Timestamp goes
STAGES = {"fetch": pb.STAGE_FETCH, "extract": pb.STAGE_EXTRACT, "compare": pb.STAGE_COMPARE}


def tenant_of(context: Any) -> str:
    """Return the tenant a call is made for: told by the gateway, which knows it from credentials."""
    for key, value in context.invocation_metadata() or ():
        if key == TENANT_KEY and isinstance(value, str) and is_tenant(value):
            return value
    return DEFAULT_TENANT


def job_id_of(name: str) -> str:
    """Return the id in "jobs/ID"; a fresh one for an empty name. Errors: INVALID_REQUEST."""
    if not name:
        return f"stream-{uuid.uuid4().hex[:16]}"
    collection, _, job_id = name.partition("/")
    if collection != "jobs" or not job_id or not job_id.replace("-", "").isalnum() or len(job_id) > 63:
        raise invalid("job", 'must be "jobs/ID"')
    return job_id


def timestamp(ms: int) -> Timestamp | None:
    """Make a Timestamp of ms since the epoch; None for 0."""
    if not ms:
        return None
    made = Timestamp()
    made.FromMilliseconds(ms)
    return made


def timing(state: StepState) -> pb.StepTiming:
    """Make the timing of a step that ended."""
    return pb.StepTiming(
        queue_time=timestamp(state.queued_ms),
        start_time=timestamp(state.begun_ms),
        complete_time=timestamp(state.ended_ms),
        attempt=state.attempt,
    )


def document_error(reason: str, message: str, stage: str) -> pb.DocumentError:
    """Make the error a document carries from a reason and its sentence."""
    known = Reason(reason) if reason in Reason.__members__ else Reason.ENGINE_FAILED
    entry = CATALOGUE[known]
    return pb.DocumentError(
        reason=str(known), message=message or entry.meaning, stage=STAGES[stage], retryable=entry.retryable
    )


def failed_state_error(state: StepState, stage: str) -> pb.DocumentError:
    """Make the error of a step that FAILED."""
    return document_error(state.reason, state.message, stage)


@dataclass(frozen=True, slots=True)
class Again:
    """What a stream does not take from memory: failures, or any outcomes, from before a time (ms since the epoch)."""

    reopen_before_ms: int | None = None
    redo_before_ms: int | None = None

    @classmethod
    def asked(cls, first: Any) -> Again:
        """Read it from a stream's first request. Errors: INVALID_REQUEST."""
        return cls(_ms_of(first, "reopen_failed_before"), _ms_of(first, "redo_before"))


def _ms_of(request: Any, field: str) -> int | None:
    if not request.HasField(field):
        return None
    time: Timestamp = getattr(request, field)
    if not (0 <= time.seconds <= SECONDS_MAX and 0 <= time.nanos < 10**9):
        raise invalid(field, "must be a time from 1970 to 9999")
    return time.seconds * 1000 + time.nanos // 10**6


class StageDesk:
    """The unary methods that all stages share. A stage's servicer inherits it beside its generated base."""

    def __init__(
        self, stage: str, ledger: AsyncLedger, isolation: Callable[[Status], Isolation | None] | None = None
    ) -> None:
        self.stage = stage
        self.ledger = ledger
        self._isolation = isolation or isolation_of
        self._store_down_since: Timestamp | None = None

    async def GetStatus(self, _: pb.GetStatusRequest, __: Any) -> pb.StageStatus:  # noqa: N802 - the RPC's name
        """Answer with the stage as it is now; it answers while Valkey is down, saying so."""
        try:
            status = await self.ledger.run(commands.status())
        except CollatioError as error:
            if self._store_down_since is None:
                self._store_down_since = Timestamp()
                self._store_down_since.GetCurrentTime()
            return pb.StageStatus(
                stage=STAGES[self.stage],
                waiting_reason=pb.WAITING_REASON_STORE_DOWN,
                waiting_since=self._store_down_since,
                unavailable=f"{error.reason}: {error.message}",
            )
        self._store_down_since = None
        answer = status_message(self.stage, status)
        isolation = self._isolation(status)
        if isolation is not None:
            answer.isolation.CopyFrom(
                pb.Isolation(
                    rlimits=isolation.rlimits,
                    namespaces=sorted(isolation.namespaces),
                    landlock_abi=isolation.landlock,
                    seccomp=isolation.seccomp,
                    no_network=isolation.no_network,
                )
            )
        return answer

    async def ListQuarantine(  # noqa: N802 - the RPC's name
        self, request: pb.ListQuarantineRequest, _: Any
    ) -> pb.ListQuarantineResponse:
        """Answer with a page of quarantined steps, those given up on last first."""
        size = page_size(request.page_size, PAGE_DEFAULT)
        offset = decode_offset(request.page_token)
        steps, total = await self.ledger.run(commands.quarantine(offset, size))
        more = offset + size < total
        return pb.ListQuarantineResponse(
            steps=[_quarantined(self.stage, step) for step in steps],
            next_page_token=encode_offset(offset + size) if more else "",
        )

    async def ReplayQuarantine(  # noqa: N802 - the RPC's name
        self, request: pb.ReplayQuarantineRequest, _: Any
    ) -> pb.ReplayQuarantineResponse:
        """Forget that steps were given up on."""
        if len(request.keys) > PAGE_MAX:
            raise invalid("keys", f"at most {PAGE_MAX} are replayed at once")
        replayed = await self.ledger.run(commands.replay(list(request.keys)))
        return pb.ReplayQuarantineResponse(keys=replayed)


def page_size(asked: int, default: int) -> int:
    """Resolve a page size (AIP-158): 0 means the default, too large means the most. Errors: INVALID_REQUEST."""
    if asked < 0:
        raise invalid("page_size", "must not be negative")
    return min(asked or default, PAGE_MAX)


def encode_offset(offset: int) -> str:
    """Write an opaque page token."""
    return base64.urlsafe_b64encode(f"o{offset}".encode()).decode()


def decode_offset(token: str) -> int:
    """Read a page token back. Errors: INVALID_PAGE_TOKEN."""
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
        if text[:1] == "o" and text[1:].isdigit() and len(text) <= OFFSET_DIGITS_MAX:
            return int(text[1:])
    except ValueError:
        pass  # told below, like every token that is not ours
    raise CollatioError(Reason.INVALID_PAGE_TOKEN)


def _quarantined(stage: str, step: Quarantined) -> pb.QuarantinedStep:
    return pb.QuarantinedStep(
        stage=STAGES[stage],
        key=step.step.key,
        job=f"jobs/{step.job}",
        error=failed_state_error(step.step, stage),
        document_attempts=step.document_attempts,
        infrastructure_attempts=step.infrastructure_attempts,
        quarantine_time=timestamp(step.step.ended_ms),
    )


def status_message(stage: str, status: Status) -> pb.StageStatus:
    """Make the message of a status: why it waits is told only while something waits."""
    depth = status.queued + status.retry_wait
    reason, since = pb.WAITING_REASON_UNSPECIFIED, 0
    if status.queued and status.workers == 0:
        reason, since = pb.WAITING_REASON_NO_WORKERS, status.no_workers_since_ms or status.oldest_queued_ms
    elif status.queued and status.no_workers_since_ms:
        reason, since = pb.WAITING_REASON_NO_WORKERS, status.no_workers_since_ms
    elif status.queued and status.window_full_since_ms:
        reason, since = pb.WAITING_REASON_WINDOW_FULL, status.window_full_since_ms
    elif status.retry_wait and not (status.queued or status.sent or status.running):
        reason, since = pb.WAITING_REASON_RETRY_WAIT, status.retry_wait_since_ms
    age = (status.now_ms - status.oldest_queued_ms) / 1000 if status.oldest_queued_ms else 0.0
    facts = [json.loads(info) for info in status.worker_infos]

    def announced(what: str) -> list[str]:
        return sorted({name for fact in facts for name in fact.get(what, [])})

    return pb.StageStatus(
        stage=STAGES[stage],
        queue_depth=depth,
        oldest_age_s=max(0.0, age),
        in_flight=status.sent + status.running,
        workers_alive=status.workers,
        worker_slots=status.slots,
        rate_per_s=round(status.done_last_minute / 60, 3),
        quarantined=status.quarantined,
        waiting_reason=reason,
        waiting_since=timestamp(since),
        engines=announced("engines"),
        schemes=announced("schemes"),
        media_types=announced("media_types"),
    )


def isolation_of(status: Status) -> Isolation | None:
    """Read what confines parsing from the workers' announcements: the weakest of them speaks for all."""
    from collatio.runtime.sandbox.isolation import Isolation  # noqa: PLC0415 - only a status needs it

    found = [json.loads(info).get("isolation") for info in status.worker_infos]
    told = [Isolation(**{**i, "namespaces": tuple(i["namespaces"])}) for i in found if i]
    return min(told, key=lambda i: (i.no_network, i.landlock, i.seccomp, i.rlimits)) if told else None
