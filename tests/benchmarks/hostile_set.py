"""Extract every hostile document through a mesh, several times over, and hold what came of it to what must hold.

usage: hostile_set.py [--runs 3] [--folder ../shared/corpus/hostile]

Each run is a mesh of its own with an empty store, so that nothing is answered from memory. Printed: how the documents
ended; the slowest of them and the largest sandbox, each beside its limit; and every promise that was broken. The
promises: a document that must fail fails, with a reason that fits; one that must survive is extracted or fails with a
reason of the catalogue, never as an engine's fault or a crash; no worker and no pool child is replaced; every document
ends within its limit and 2 s; no sandbox takes more than its memory; the runs are alike, digest for digest. The status
is 1 where one is broken.

What a sandbox took is the kernel's count of it (wait4), as `collatio.sandbox.memory` exports it.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from collatio.client import JobDocument, JobSpec, Source
from collatio.runtime.errors import CATALOGUE, Reason
from extract_svc.settings import Settings
from tests.support.collector import collecting
from tests.support.jobs import FAILED, documents_of, run_job
from tests.support.running_mesh import running_mesh

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

JOB_S = 600.0
SLACK_S = 2.0
STAGES = ("fetch", "extract")
NEVER = {Reason.ENGINE_FAILED, Reason.PARSER_CRASHED, Reason.ATTEMPTS_EXHAUSTED, Reason.SANDBOX_UNAVAILABLE}
FITTING = {
    "encrypted": {Reason.ENCRYPTED},
    "bomb": {Reason.DECOMPRESSION_LIMIT, Reason.XML_DTD_FORBIDDEN, Reason.NESTING_LIMIT},
    "recursive": {Reason.DECOMPRESSION_LIMIT, Reason.XML_DTD_FORBIDDEN, Reason.NESTING_LIMIT},
    "truncated": {Reason.DOCUMENT_CORRUPT},
    "wrong-extension": {Reason.DOCUMENT_CORRUPT},
    "unsupported": {Reason.FORMAT_UNSUPPORTED},
}
"""The reasons that fit each folder's documents that must fail."""


@dataclass(slots=True)
class Run:
    """What one mesh made of the documents; `ends` is what has to be alike, by URI and member path."""

    ends: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    largest_bytes: int = 0
    broken: list[str] = field(default_factory=list)

    def take(self, document: JobDocument) -> None:
        """Take a document in."""
        at = f"{document.uri}!/{document.member_path}" if document.member_path else document.uri
        failed = document.state == FAILED
        self.reasons[at] = document.error.reason if failed else "extracted"
        self.ends[at] = (
            f"{document.error.reason}: {document.error.message}" if failed else document.extraction.sha256
        )

    def time(self, span: Span) -> None:
        """Take the time of one document in."""
        took_s = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        self.slowest_s = max(self.slowest_s, took_s)


async def run_once(folder: Path, rows: list[dict[str, Any]], limits: Settings) -> Run:
    """Extract the documents through a mesh of its own."""
    made = Run()
    with collecting() as collected:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collected.endpoint}
        async with running_mesh([folder], environ=environ) as mesh, mesh.client() as client:
            before = {stage: (mesh.pid(f"{stage}-work"), mesh.pool(stage)) for stage in STAGES}
            spec = JobSpec(sources=[Source(uri=(folder / row["path"]).as_uri()) for row in rows])
            for document in await documents_of(client, await run_job(client, spec, JOB_S)):
                made.take(document)
            after = {stage: (mesh.pid(f"{stage}-work"), mesh.pool(stage)) for stage in STAGES}
    for span in collected.spans("collatio-extract-work", "document"):
        made.time(span)
    points = [
        point
        for metric in collected.metrics("collatio.sandbox.memory")
        for point in metric.histogram.data_points
    ]
    made.largest_bytes = int(max(point.max for point in points))
    if before != after:
        made.broken.append(f"a worker or a pool child was replaced: {before}, {after}")
    if made.slowest_s > limits.document_timeout_s + SLACK_S:
        made.broken.append(f"a document took {made.slowest_s:.1f} s")
    if made.largest_bytes > limits.document_memory:
        made.broken.append(f"a sandbox took {made.largest_bytes} bytes")
    return made


def unfitting(folder: Path, rows: list[dict[str, Any]], reasons: dict[str, str]) -> list[str]:
    """List the documents that did not end as they must."""
    found = []
    for row in rows:
        at = (folder / row["path"]).as_uri()
        reason = reasons.get(at, "no outcome")
        kind = Path(row["path"]).parent.name
        if "must_fail" in row:
            fits = reason in FITTING[kind]
        else:
            fits = reason == "extracted" or (reason in CATALOGUE and reason not in NEVER)
        if not fits:
            found.append(f"{row['path']} ended with {reason}")
    return found + [f"{at} ended with {reason}" for at, reason in reasons.items() if reason in NEVER]


def main() -> int:
    """Run, compare, print."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--runs", type=int, default=3)
    cli.add_argument(
        "--folder", type=Path, default=Path(__file__).resolve().parents[2] / "../shared/corpus/hostile"
    )
    args = cli.parse_args()
    folder = args.folder.resolve()
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as place:
        limits = Settings(state_url="redis://-", blob_url=f"file://{place}")
    runs = [asyncio.run(run_once(folder, rows, limits)) for _ in range(args.runs)]
    broken = [fault for run in runs for fault in run.broken] + unfitting(folder, rows, runs[0].reasons)
    broken += [
        f"runs differ on {at}"
        for at in runs[0].ends
        if any(run.ends.get(at) != runs[0].ends[at] for run in runs)
    ]
    broken += [
        f"{run.ends.keys() ^ runs[0].ends.keys()} are not in every run"
        for run in runs
        if run.ends.keys() != runs[0].ends.keys()
    ]
    own = {at: reason for at, reason in runs[0].reasons.items() if "!/" not in at}
    print(
        f"{len(own)} documents of {len(rows)} and {len(runs[0].reasons) - len(own)} members in them, {len(runs)} runs"
    )
    print(f"how they ended: {dict(collections.Counter(own.values()).most_common())}")
    print(
        f"slowest, seconds of {limits.document_timeout_s:g}: {', '.join(f'{run.slowest_s:.2f}' for run in runs)}"
    )
    print(
        f"largest sandbox, MiB of {limits.document_memory >> 20}: {', '.join(str(run.largest_bytes >> 20) for run in runs)}"
    )
    print(
        "\n".join(broken)
        or "every promise was kept; the runs are alike, and no worker or pool child was replaced"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
