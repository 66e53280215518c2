"""Keeps this gateway's share of the jobs: takes leases, runs them, renews, and gives them back at the end."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING

from collatio.runtime.ending import end
from collatio.runtime.errors import CollatioError
from collatio.runtime.failpoints import reach
from gateway.journal.journal import Fenced, Regressed
from gateway.run.run import JobRun

if TYPE_CHECKING:
    from gateway.journal.journal import Held, Journal
    from gateway.run.deps import RunDeps
    from gateway.watching import Feed

logger = logging.getLogger(__name__)
BACKOFF_S = 0.5
RECORD_TTL_MS = 30 * 24 * 3600 * 1000


class Keeper:
    """Runs jobs. `start` it before use and `close` it after."""

    def __init__(
        self, deps: RunDeps, feed: Feed, lease_ms: int, jobs_max: int, record_ttl_ms: int = RECORD_TTL_MS
    ) -> None:
        self._deps, self._feed = deps, feed
        self._lease_ms, self._jobs_max, self._record_ttl_ms = lease_ms, jobs_max, record_ttl_ms
        self._owner = uuid.uuid4().hex
        self._runs: dict[str, tuple[JobRun, asyncio.Task[None]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._look = asyncio.Event()
        self._looking: set[asyncio.Task[None]] = set()

    @property
    def _journal(self) -> Journal:
        return self._deps.journal

    def start(self) -> None:
        """Begin to take and renew leases."""
        self._feed.listen(self._on_change)
        self._tasks = [asyncio.create_task(self._take_jobs()), asyncio.create_task(self._renew())]

    async def close(self) -> None:
        """Stop every run and give its job back, for another gateway to take at once."""
        await end(*self._tasks, *self._looking)
        running = list(self._runs.values())
        await end(*(task for _, task in running))
        for run, _ in running:
            await self._give_back(run)

    async def _give_back(self, run: JobRun) -> None:
        """Give a job back, for the next look of any gateway."""
        try:
            await self._journal.release(run.held)
        except CollatioError:
            logger.warning("a job's lease was not given back; it will run out")

    def _on_change(self, job: str | None) -> None:
        """Look for work when a job changed; a run of ours looks whether it was cancelled. None: any may have."""
        if job not in self._runs:
            self._look.set()
        runs = [run for key, (run, _) in self._runs.items() if job in {None, key}]
        if runs:
            task = asyncio.get_running_loop().create_task(self._look_cancelled(runs))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _look_cancelled(self, runs: list[JobRun]) -> None:
        try:
            for run in runs:
                if await self._journal.state(run.held.ref) == "CANCELLING":
                    run.cancel()
        except CollatioError:
            logger.info("could not look whether a job was cancelled; the next change looks again")

    async def _take_jobs(self) -> None:
        """Take jobs nobody holds: at once when something changed, else twice a lease."""
        while True:
            self._look.clear()
            try:
                room = self._jobs_max - len(self._runs)
                held = await self._journal.lease(self._owner, self._lease_ms, room) if room > 0 else []
                if held:
                    reach("gateway.lease.after")
                for one in held:
                    self._begin(one)
                await self._journal.expire(self._record_ttl_ms)
            except CollatioError:
                await asyncio.sleep(BACKOFF_S)
                continue
            except Exception:
                logger.exception("looking for jobs failed; it is tried again")
                await asyncio.sleep(BACKOFF_S)
                continue
            try:
                await asyncio.wait_for(self._look.wait(), self._lease_ms / 2000)
            except TimeoutError:
                continue

    def _begin(self, held: Held) -> None:
        run = JobRun(self._deps, held)
        task = asyncio.create_task(self._run(run), name=f"job-{held.ref.job_id}")
        self._runs[held.ref.key] = (run, task)

    async def _run(self, run: JobRun) -> None:
        key = run.held.ref.key
        try:
            await run.run()
        except Fenced:
            logger.info("a job went to another gateway", extra={"fields": {"job": run.held.ref.job_id}})
        except Regressed:
            logger.error(  # noqa: TRY400 - the sentence says it all
                "the state store lost writes that it had acknowledged; the job is read and run again",
                extra={"fields": {"job": run.held.ref.job_id}},
            )
            await self._give_back(run)
        except CollatioError as error:
            logger.warning(
                "a run stopped; its job is taken again",
                extra={"fields": {"job": key, "reason": error.reason}},
            )
            await asyncio.sleep(BACKOFF_S)
            await self._give_back(run)
        except Exception:
            logger.exception(
                "a run failed; its job is taken again", extra={"fields": {"job": run.held.ref.job_id}}
            )
            await asyncio.sleep(BACKOFF_S)
            await self._give_back(run)
        finally:
            running = self._runs.get(key)
            if running is not None and running[0] is run:  # and not a later run, under a higher epoch
                del self._runs[key]
            self._look.set()

    async def _renew(self) -> None:
        """Renew every lease three times in its length; a run whose lease is lost is stopped."""
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            asked = dict(self._runs)
            if not asked:
                continue
            try:
                reach("gateway.renew.before")
                lost = await self._journal.renew([run.held for run, _ in asked.values()], self._lease_ms)
            except CollatioError:
                logger.warning("leases not renewed: the state store is away")
                continue
            except Exception:
                logger.exception("leases not renewed; it is tried again")
                continue
            for (
                key
            ) in lost:  # the run that was asked for: by now this gateway may run it under a higher epoch
                asked[key][1].cancel()
