"""The stage's work: make the plan, compare a tile's pairs in the sandbox."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.confined import Blame, MessageSandbox, outcome_of
from collatio.runtime.queue.outcome import Done, Failed, GivenBack
from collatio.runtime.sandbox.errors import SandboxError
from collatio.runtime.telemetry.job_spans import tile
from collatio.runtime.telemetry.tracing import mark_failed
from compare_svc.adapters import Bench, Plans, compare_tile, write_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.queue.outcome import Hand, Outcome, Work
    from collatio.runtime.sandbox.limits import Limits
    from collatio.runtime.sandbox.protocol import SandboxFactory
    from collatio.runtime.telemetry.tracing import Tracing
    from compare_svc.priors import Priors

BLAME = Blame(timeout=Reason.COMPARE_TIMEOUT, crashed=Reason.COMPARER_CRASHED)


class CompareHandler:
    """Plans and compares, a sandbox a message."""

    def __init__(
        self, blobs: BlobStore, priors: Priors, sandboxes: SandboxFactory, limits: Limits, tracing: Tracing
    ) -> None:
        self._blobs, self._priors = blobs, priors
        self._sandboxes, self._limits, self._tracing = sandboxes, limits, tracing
        self._plans = Plans(blobs)

    def handle(self, batch: Sequence[Work], hand: Hand) -> Iterator[tuple[Work, Outcome]]:
        """Run a message's steps, in order."""
        with MessageSandbox(self._sandboxes, self._limits) as sandbox:
            for work in batch:
                if not hand.begin(work, sandbox.stop):
                    yield work, GivenBack()
                elif work.spec["kind"] == "plan":
                    yield work, self._plan(work, sandbox)
                else:
                    yield work, self._tile(work, sandbox)

    def before_commit(self) -> None:
        """Do nothing: plans and comparisons are derived, and made again when they are lost."""

    def facts(self) -> dict[str, Any]:
        """Tell what confines the sandboxes, as tried in one."""
        return {"isolation": asdict(self._sandboxes.isolation())}

    def close(self) -> None:
        """End the sandboxes."""
        self._sandboxes.close()

    def _plan(self, work: Work, sandbox: MessageSandbox) -> Outcome:
        with self._tracing.span("plan") as span:
            try:
                manifest, max_pairs = work.spec["manifest"], work.spec["max_pairs"]
                made = write_plan(self._blobs, work.tenant, sandbox, manifest, max_pairs)
            except (SandboxError, CollatioError) as error:
                mark_failed(span, error)
                return outcome_of(error, BLAME)
        return Done(made.digest, made.summary)

    def _tile(self, work: Work, sandbox: MessageSandbox) -> Outcome:
        try:
            inputs = self._plans.tile(work.tenant, work.spec["plan"], work.spec["tile"])
        except CollatioError as error:
            return Failed(error)
        with tile(self._tracing, inputs.traces, pair_count=len(inputs.pairs)) as span:
            try:
                bench = Bench(self._blobs, self._priors, sandbox, work.tenant, work.spec["how"])
                made = compare_tile(bench, inputs, rollup=work.spec["rollup"])
            except (SandboxError, CollatioError) as error:
                mark_failed(span, error)
                return outcome_of(error, BLAME)
        return Done(made.digest, made.summary, made.children)
