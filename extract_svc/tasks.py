"""The stage's work: each document of a message through the sandbox, its extraction into the blob store."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.confined import Blame, MessageSandbox, outcome_of
from collatio.runtime.queue.outcome import Done, GivenBack
from collatio.runtime.sandbox.errors import SandboxError
from collatio.runtime.telemetry.job_spans import document
from collatio.runtime.telemetry.traceparent import traceparent_of
from collatio.runtime.telemetry.tracing import mark_failed
from extract_svc.adapters import open_input, read_options, store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.queue.outcome import Hand, Outcome, Work
    from collatio.runtime.sandbox.limits import Limits
    from collatio.runtime.sandbox.protocol import SandboxFactory
    from collatio.runtime.telemetry.tracing import Tracing

BLAME = Blame(timeout=Reason.EXTRACT_TIMEOUT, crashed=Reason.PARSER_CRASHED)
ENTRY = "extract_svc.sandboxed:run"
MODULE = "extract_svc.sandboxed"


class ExtractHandler:
    """Extracts documents, a sandbox a message."""

    def __init__(
        self,
        blobs: BlobStore,
        sandboxes: SandboxFactory,
        limits: Limits,
        tracing: Tracing,
        reading_share: float = 0.9,
    ) -> None:
        self._blobs, self._sandboxes, self._limits, self._tracing = blobs, sandboxes, limits, tracing
        self._reading_s = limits.wall_s * reading_share

    def handle(self, batch: Sequence[Work], hand: Hand) -> Iterator[tuple[Work, Outcome]]:
        """Extract a message's documents, in order."""
        with MessageSandbox(self._sandboxes, self._limits) as sandbox:
            for work in batch:
                if hand.begin(work, sandbox.stop):
                    yield work, self._traced(work, sandbox)
                else:
                    yield work, GivenBack()

    def before_commit(self) -> None:
        """Do nothing: extractions are derived, and made again when they are lost."""

    def facts(self) -> dict[str, Any]:
        """Tell what confines the sandboxes, as tried in one."""
        return {"isolation": asdict(self._sandboxes.isolation())}

    def close(self) -> None:
        """End the sandboxes."""
        self._sandboxes.close()

    def _traced(self, work: Work, sandbox: MessageSandbox) -> Outcome:
        with document(self._tracing, str(work.spec["document"])) as span:
            try:
                return self._extract(work, sandbox, traceparent_of(span))
            except (SandboxError, CollatioError) as error:
                mark_failed(span, error)
                return outcome_of(error, BLAME)

    def _extract(self, work: Work, sandbox: MessageSandbox, traceparent: str) -> Outcome:
        spec = work.spec
        options = read_options(self._blobs, work.tenant, spec["options"])
        header = json.dumps(
            {
                "media_type": spec["media_type"],
                "name": spec["name"],
                "options": base64.b64encode(options).decode(),
                "reading_s": self._reading_s,
            }
        )
        with open_input(self._blobs, work.tenant, spec["sha256"]) as file:
            answer = sandbox.call(ENTRY, header.encode(), [file.fileno()])
        stored = store(self._blobs, work.tenant, answer)
        summary = {**stored.summary, "trace": traceparent}
        return Done(stored.digest, summary, stored.members, provisional=stored.provisional)
