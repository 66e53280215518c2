"""The stage's work: make the plan, compare a tile's pairs in the sandbox."""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.confined import Blame, MessageSandbox, outcome_of
from collatio.runtime.queue.outcome import Done, Failed, GivenBack
from collatio.runtime.sandbox.errors import SandboxError
from collatio.runtime.telemetry.job_spans import tile
from collatio.runtime.telemetry.tracing import mark_failed
from collatio.v1 import compare_pb2
from compare_svc.adapters import open_extraction, read_plan, summarize
from compare_svc.findings import findings
from compare_svc.planning import MODULE, fill_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.queue.outcome import Hand, Outcome, Work
    from collatio.runtime.sandbox.limits import Limits
    from collatio.runtime.sandbox.protocol import SandboxFactory
    from collatio.runtime.telemetry.tracing import Tracing

BLAME = Blame(timeout=Reason.COMPARE_TIMEOUT, crashed=Reason.COMPARER_CRASHED)
TILE = f"{MODULE}:tile"


class CompareHandler:
    """Plans and compares, a sandbox a message."""

    def __init__(self, blobs: BlobStore, sandboxes: SandboxFactory, limits: Limits, tracing: Tracing) -> None:
        self._blobs, self._sandboxes, self._limits, self._tracing = blobs, sandboxes, limits, tracing
        self._plan: tuple[str, compare_pb2.ComparePlan] = ("", compare_pb2.ComparePlan())

    def handle(self, batch: Sequence[Work], hand: Hand) -> Iterator[tuple[Work, Outcome]]:
        """Run a message's steps, in order."""
        with MessageSandbox(self._sandboxes, self._limits) as sandbox:
            for work in batch:
                if not hand.begin(work, sandbox.stop):
                    yield work, GivenBack()
                elif work.spec["kind"] == "plan":
                    yield work, self._make_plan(work, sandbox)
                else:
                    yield work, self._compare_tile(work, sandbox)

    def before_commit(self) -> None:
        """Do nothing: plans and comparisons are derived, and made again when they are lost."""

    def close(self) -> None:
        """End the sandboxes."""
        self._sandboxes.close()

    def _make_plan(self, work: Work, sandbox: MessageSandbox) -> Outcome:
        with self._tracing.span("plan") as span:
            try:
                manifest = read_plan(self._blobs, work.tenant, work.spec["manifest"])
                for document in manifest.documents:
                    summarize(self._blobs, work.tenant, document)
                pairs = fill_plan(manifest, self._blobs, work.tenant, sandbox, work.spec["max_pairs"])
            except (SandboxError, CollatioError) as error:
                mark_failed(span, error)
                return outcome_of(error, BLAME)
        data = manifest.SerializeToString(deterministic=True)
        digest = self._blobs.put(work.tenant, data)
        return Done(digest, {"size": len(data), "pairs": pairs, "tiles": len(manifest.tiles)})

    def _plan_of(self, tenant: str, digest: str) -> compare_pb2.ComparePlan:
        """Read a plan, keeping the last: the tiles of a message share theirs."""
        if self._plan[0] != digest:
            self._plan = (digest, read_plan(self._blobs, tenant, digest))
        return self._plan[1]

    def _compare_tile(self, work: Work, sandbox: MessageSandbox) -> Outcome:
        try:
            plan = self._plan_of(work.tenant, work.spec["plan"])
        except CollatioError as error:
            return Failed(error)
        wanted = plan.tiles[work.spec["tile"]]
        indexes = sorted({*wanted.left, *wanted.right})
        documents = [plan.documents[index] for index in indexes]
        traces = [document.traceparent for document in documents if document.traceparent]
        with tile(self._tracing, traces, pair_count=len(wanted.left)) as span:
            try:
                header = _header(plan.spec, wanted, indexes, documents)
                return self._in_sandbox(work, sandbox, header, documents)
            except (SandboxError, CollatioError) as error:
                mark_failed(span, error)
                return outcome_of(error, BLAME)

    def _in_sandbox(
        self,
        work: Work,
        sandbox: MessageSandbox,
        header: dict[str, Any],
        documents: Sequence[compare_pb2.CompareDocument],
    ) -> Outcome:
        with ExitStack() as files:
            fds = [
                files.enter_context(open_extraction(self._blobs, work.tenant, d.extraction.sha256)).fileno()
                for d in documents
            ]
            answer = sandbox.call(TILE, json.dumps(header).encode(), fds)
        made = compare_pb2.TileComparisons.FromString(answer)
        if len(made.comparisons) != len(header["pairs"]):
            return Failed(
                CollatioError(Reason.ENGINE_FAILED, "The comparer answered for other pairs than asked.")
            )
        compared = sum(c.status == compare_pb2.COMPARISON_STATUS_COMPARED for c in made.comparisons)
        digest = self._blobs.put(work.tenant, answer)
        summary = {
            "size": len(answer),
            "pairs": len(made.comparisons),
            "compared": compared,
            "not_comparable": len(made.comparisons) - compared,
        }
        return Done(digest, summary, findings(made, rollup=work.spec["rollup"]))


def _header(
    spec: compare_pb2.CompareSpec,
    wanted: compare_pb2.PlannedTile,
    indexes: Sequence[int],
    documents: Sequence[compare_pb2.CompareDocument],
) -> dict[str, Any]:
    """Make what the sandbox is told: the pairs count among the tile's own documents."""
    local = {index: position for position, index in enumerate(indexes)}
    return {
        "spec": base64.b64encode(spec.SerializeToString(deterministic=True)).decode(),
        "pairs": [(local[a], local[b]) for a, b in zip(wanted.left, wanted.right, strict=True)],
        "digests": [document.extraction.sha256 for document in documents],
    }
