"""Reading and writing the journal."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.ledger.ledger import STORE_ERRORS, store_error
from collatio.v1 import compare_pb2
from collatio.v1 import gateway_pb2 as pb
from gateway.journal.record import JobRecord, JobRef

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from redis.asyncio import Redis

NAME = "{collatio:gateway}"
MARKED = re.compile(r"j([0-9a-f]{6})[0-9a-f]{14}")
STORE_LOST = "STORE_LOST"


@dataclass(frozen=True, slots=True)
class Held:
    """A job this gateway holds, under an epoch; `run_trace` is the run of the gateway before."""

    ref: JobRef
    epoch: int
    run_trace: str = ""


@dataclass(slots=True)
class Entries:
    """What one write brings. `fields` are the job's own; `begin` marks it RUNNING; `drop_tiles` forgets older tiles.

    `number` counts the writes of a `run` from 1: repeating the last changes nothing. 0: unnumbered.
    """

    fields: dict[str, bytes] = field(default_factory=dict)
    documents: dict[str, pb.JobDocument] = field(default_factory=dict)
    tiles: dict[int, compare_pb2.CompareTile] = field(default_factory=dict)
    events: list[pb.JobEvent] = field(default_factory=list)
    begin: bool = False
    drop_tiles: bool = False
    number: int = 0
    run: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """How a job ends: its state, how long its results are kept, the last event if it was cancelled meanwhile."""

    state: str
    ttl_ms: int
    cancelled: pb.JobEvent


class Fenced(Exception):  # noqa: N818 - it names what happened, and is caught by the run that lost its job
    """The job is another gateway's now, or has ended: nothing may be written."""


class Regressed(Exception):  # noqa: N818 - it names what happened, and is caught where the run is begun again
    """The journal lacks what this run wrote before: the store lost writes that it had acknowledged."""


@cache
def _source(name: str) -> str:
    folder = resources.files("gateway.journal") / "lua"
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in ("prelude", name))


class Journal:
    """The journal of all gateways. Errors of every method: STATE_STORE_UNAVAILABLE, STATE_STORE_FULL."""

    def __init__(self, client: Redis, clock: Callable[[], int] = lambda: 0) -> None:
        self._client: Any = client  # its answers are typed for two protocols at once
        self._clock = clock
        self._scripts: dict[str, Any] = {}

    @property
    def feed(self) -> str:
        """The stream that tells which jobs changed."""
        return f"{NAME}:feed"

    async def _run(self, name: str, args: Mapping[str, Any], *values: bytes) -> dict[str, Any]:
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._client.register_script(_source(name))
        try:
            raw = await script(keys=[NAME], args=[str(self._clock()), json.dumps(args), *values])
        except STORE_ERRORS as error:
            raise store_error(error) from error
        return dict(json.loads(raw))

    async def _call(self, command: str, *args: Any) -> Any:
        try:
            return await self._client.execute_command(command, *args)
        except STORE_ERRORS as error:
            raise store_error(error) from error

    async def create(
        self,
        ref: JobRef,
        spec: pb.JobSpec,
        *,
        request_id: str,
        body: str,
        trace: str,
        retry_of: str,
        jobs_max: int,
        retry_stage: int = 0,
        refusal: CollatioError | None = None,
    ) -> tuple[JobRef, bool]:
        """Accept a job; a repeated request id answers the job it made. Returns it, and whether it is new.

        Errors: REQUEST_ID_REUSED, JOB_ALREADY_EXISTS, QUOTA_EXCEEDED; `refusal`, if the job would be new.
        """
        args = {
            "job": ref.key,
            "tenant": ref.tenant,
            "id": ref.job_id,
            "request": request_id,
            "body": body,
            "trace": trace,
            "retry_of": retry_of,
            "retry_stage": retry_stage,
            "jobs_max": jobs_max,
            "refuse": refusal is not None,
        }
        answer = await self._run("create", args, spec.SerializeToString(deterministic=True))
        if refusal is not None and answer["verdict"] == "refused":
            raise refusal
        match answer["verdict"]:
            case "reused":
                raise CollatioError(Reason.REQUEST_ID_REUSED)
            case "exists":
                raise CollatioError(Reason.JOB_ALREADY_EXISTS)
            case "quota":
                raise CollatioError(Reason.QUOTA_EXCEEDED, "Too many jobs are open.", retry_after_s=5)
        return JobRef.of(answer["job"]), answer["verdict"] == "created"

    async def new_id(self) -> str:
        """Make an id for a job: with the mark of this store, so that a later one knows what it has never held."""
        return f"j{await self._mark()}{secrets.token_hex(7)}"

    async def _mark(self) -> str:
        """Read the store's mark, which is made with its first job and goes with its data."""
        key = f"{NAME}:mark"
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.set(key, secrets.token_hex(3), nx=True)
                pipe.get(key)
                _, mark = await pipe.execute()
        except STORE_ERRORS as error:
            raise store_error(error) from error
        return str(mark.decode())

    async def absent(self, ref: JobRef) -> CollatioError:
        """Make the error of a job that is not there; one that a store before this one held is told to be lost."""
        found = MARKED.fullmatch(ref.job_id)
        if found is None or found[1] == await self._mark():
            return CollatioError(Reason.JOB_NOT_FOUND, f"There is no job {ref.name}.")
        return CollatioError(
            Reason.JOB_NOT_FOUND,
            f"There is no job {ref.name}: the state store that held it has lost its data or was replaced.",
            metadata={"cause": STORE_LOST},
        )

    async def lease(self, owner: str, lease_ms: int, jobs_max: int) -> list[Held]:
        """Take open jobs that nobody holds."""
        answer = await self._run("lease", {"owner": owner, "lease_ms": lease_ms, "jobs_max": jobs_max})
        jobs = answer["jobs"] or []
        return [Held(JobRef.of(j["job"]), int(j["epoch"]), j["run_trace"]) for j in jobs]

    async def renew(self, held: Sequence[Held], lease_ms: int) -> set[str]:
        """Keep leases; answers the keys of jobs that are lost."""
        jobs = [{"job": one.ref.key, "epoch": one.epoch} for one in held]
        return set((await self._run("renew", {"lease_ms": lease_ms, "jobs": jobs}))["lost"] or [])

    async def release(self, held: Held) -> None:
        """Give a job back."""
        await self._run("release", {"job": held.ref.key, "epoch": held.epoch})

    async def write(self, held: Held, entries: Entries, finish: Finish | None = None) -> str:
        """Write what a run reached; returns the job's state. Raises Fenced, Regressed."""
        args: dict[str, Any] = {
            "job": held.ref.key,
            "epoch": held.epoch,
            "number": entries.number,
            "run": entries.run,
            "fields": list(entries.fields),
            "documents": list(entries.documents),
            "tiles": list(entries.tiles),
            "events": len(entries.events),
            "begin": entries.begin,
            "drop_tiles": entries.drop_tiles,
        }
        if finish is not None:
            args["finish"] = {"state": finish.state, "ttl_ms": finish.ttl_ms}
        last = [] if finish is None else [finish.cancelled]
        messages = [*entries.documents.values(), *entries.tiles.values(), *entries.events, *last]
        values = [*entries.fields.values(), *(m.SerializeToString(deterministic=True) for m in messages)]
        answer = await self._run("write", args, *values)
        if answer["verdict"] == "lost":
            raise Regressed
        if answer["verdict"] != "written":
            raise Fenced
        return str(answer["state"])

    async def cancel(self, ref: JobRef, event: pb.JobEvent) -> None:
        """Ask a job to stop. Errors: JOB_NOT_FOUND, JOB_ALREADY_ENDED."""
        answer = await self._run("cancel", {"job": ref.key}, event.SerializeToString(deterministic=True))
        if answer["verdict"] == "gone":
            raise await self.absent(ref)
        if answer["verdict"] == "ended":
            raise CollatioError(Reason.JOB_ALREADY_ENDED)

    async def remove(self, ref: JobRef, sequence: int) -> None:
        """Delete an ended job. Errors: JOB_NOT_FOUND, JOB_NOT_ENDED, ETAG_MISMATCH."""
        answer = await self._run("remove", {"job": ref.key, "sequence": sequence})
        match answer["verdict"]:
            case "gone":
                raise await self.absent(ref)
            case "running":
                raise CollatioError(Reason.JOB_NOT_ENDED)
            case "changed":
                raise CollatioError(Reason.ETAG_MISMATCH)

    async def expire(self, record_ttl_ms: int, jobs_max: int = 16) -> int:
        """Drop results whose time has come, and records so long after that; returns how many jobs it was."""
        args = {"jobs_max": jobs_max, "record_ttl_ms": record_ttl_ms}
        return int((await self._run("expire", args))["count"])

    async def read(self, ref: JobRef) -> JobRecord:
        """Read a job. Errors: JOB_NOT_FOUND."""
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hgetall(f"{NAME}:job:{ref.key}")
                pipe.llen(f"{NAME}:events:{ref.key}")
                found, sequence = await pipe.execute()
        except STORE_ERRORS as error:
            raise store_error(error) from error
        if not found:
            raise await self.absent(ref)
        return JobRecord.decode(ref, found, int(sequence))

    async def read_many(self, refs: Sequence[JobRef]) -> list[JobRecord | None]:
        """Read jobs, in order; None for one that is not there."""
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for ref in refs:
                    pipe.hgetall(f"{NAME}:job:{ref.key}")
                    pipe.llen(f"{NAME}:events:{ref.key}")
                answers = await pipe.execute()
        except STORE_ERRORS as error:
            raise store_error(error) from error
        found = zip(refs, answers[::2], answers[1::2], strict=True)
        return [JobRecord.decode(ref, raw, int(length)) if raw else None for ref, raw, length in found]

    async def state(self, ref: JobRef) -> str:
        """Read a job's state alone; empty if there is no such job."""
        raw = await self._call("HGET", f"{NAME}:job:{ref.key}", "state")
        return raw.decode() if raw else ""

    async def events(self, ref: JobRef, after: int, limit: int) -> list[pb.JobEvent]:
        """Read events after a sequence, in order."""
        raw = await self._call("LRANGE", f"{NAME}:events:{ref.key}", after, after + limit - 1)
        found = []
        for index, data in enumerate(raw):
            event = pb.JobEvent.FromString(data)
            event.sequence = after + index + 1
            found.append(event)
        return found

    async def documents(self, ref: JobRef, offset: int, limit: int) -> list[pb.JobDocument]:
        """Read documents in the order in which they were found."""
        ids = await self._call("LRANGE", f"{NAME}:order:{ref.key}", offset, offset + limit - 1)
        if not ids:
            return []
        raw = await self._call("HMGET", f"{NAME}:docs:{ref.key}", *ids)
        return [pb.JobDocument.FromString(data) for data in raw if data is not None]

    async def document(self, ref: JobRef, document_id: str) -> pb.JobDocument | None:
        """Read one document."""
        raw = await self._call("HGET", f"{NAME}:docs:{ref.key}", document_id)
        return None if raw is None else pb.JobDocument.FromString(raw)

    async def tiles(self, ref: JobRef) -> dict[int, compare_pb2.CompareTile]:
        """Read the tiles reached so far."""
        raw = await self._call("HGETALL", f"{NAME}:tiles:{ref.key}")
        pairs = raw.items() if isinstance(raw, dict) else zip(raw[::2], raw[1::2], strict=True)
        return {int(number): compare_pb2.CompareTile.FromString(data) for number, data in pairs}

    async def list_ids(
        self, tenant: str, before: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """Read (creation ms, id) of jobs, newest first, after a place in that order."""
        top = "+inf" if before is None else str(before[0])
        raw = await self._call(
            "ZREVRANGEBYSCORE", f"{NAME}:jobs:{tenant}", top, "-inf", "WITHSCORES", "LIMIT", 0, limit + 1000
        )
        pairs = (
            raw if raw and isinstance(raw[0], (list, tuple)) else list(zip(raw[::2], raw[1::2], strict=True))
        )
        found = [(int(float(score)), job_id.decode()) for job_id, score in pairs]
        if before is not None:
            found = [one for one in found if one < before]
        return found[:limit]

    async def open_count(self) -> int:
        """Count jobs that have not ended."""
        return int(await self._call("ZCARD", f"{NAME}:open"))
