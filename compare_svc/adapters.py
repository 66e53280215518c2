"""The stage's I/O: plans, extractions and comparisons in the blob store, and the sandbox they are worked on in."""

from __future__ import annotations

import base64
import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from collatio.runtime.blobs.digest import BlobId
from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.frames import join, split
from collatio.v1 import compare_pb2, extract_pb2
from compare_svc.convert import entries_from, findings, plan_from
from compare_svc.engine.entries import NearDuplicates, Versions
from compare_svc.engine.plan import plan as make_plan
from compare_svc.engine.plan import plan_pairs
from compare_svc.priors import pair_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from collatio.runtime.blobs.store import BlobStore
    from collatio.runtime.queue.confined import MessageSandbox
    from compare_svc.priors import Priors

LOST_RETRY_S = 0.2
MODULE = "compare_svc.sandboxed"
TILE, SKETCHES, FIND = f"{MODULE}:tile", f"{MODULE}:sketches", f"{MODULE}:find"
INPUTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A result in the blob store: its digest, what the ledger keeps of it, and what conclusions need of it."""

    digest: str
    summary: dict[str, int]
    children: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class TileInputs:
    """A tile as a worker takes it: pairs count among its own documents' digests; their spans to link to."""

    spec: bytes
    pairs: list[tuple[int, int]]
    digests: list[str]
    traces: list[str]
    node: str = ""

    def of(self, positions: Sequence[int]) -> TileInputs:
        """Take some of its pairs, and the documents that they need."""
        if len(positions) == len(self.pairs):
            return self
        chosen = [self.pairs[at] for at in positions]
        indexes = sorted({index for pair in chosen for index in pair})
        local = {index: position for position, index in enumerate(indexes)}
        return replace(
            self,
            pairs=[(local[a], local[b]) for a, b in chosen],
            digests=[self.digests[index] for index in indexes],
        )

    @property
    def pair_digests(self) -> list[bytes]:
        """What later tiles know its pairs by, in order."""
        return [pair_digest(self.digests[a], self.digests[b]) for a, b in self.pairs]


def open_extraction(blobs: BlobStore, tenant: str, sha256: str) -> BinaryIO:
    """Open an extraction, verified: it was not made durable when it was made. Errors: EXTRACTION_LOST."""
    try:
        return blobs.open(BlobId(tenant, sha256), verify=True)
    except CollatioError as error:
        if error.reason is Reason.BLOB_NOT_FOUND:
            raise CollatioError(Reason.EXTRACTION_LOST, retry_after_s=LOST_RETRY_S) from error
        raise


def read_plan(blobs: BlobStore, tenant: str, sha256: str) -> compare_pb2.ComparePlan:
    """Read a manifest or a plan."""
    return compare_pb2.ComparePlan.FromString(blobs.get(BlobId(tenant, sha256)))


def summarize(blobs: BlobStore, tenant: str, document: compare_pb2.CompareDocument) -> None:
    """Put in what the extraction holds, where the caller did not say. Errors: EXTRACTION_LOST."""
    if document.HasField("summary"):
        return
    with open_extraction(blobs, tenant, document.extraction.sha256) as file:
        extraction = extract_pb2.Extraction.FromString(file.read())
    document.summary.character_count = sum(len(block.text) for block in extraction.blocks)
    document.summary.block_count = len(extraction.blocks)
    document.summary.table_count = len(extraction.tables)


class Plans:
    """Reads plans, keeping the last: the tiles of a message share theirs."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._last: tuple[str, compare_pb2.ComparePlan] = ("", compare_pb2.ComparePlan())

    def tile(self, tenant: str, digest: str, number: int) -> TileInputs:
        """Return a tile of a plan. Errors: BLOB_NOT_FOUND."""
        if self._last[0] != digest:
            self._last = (digest, read_plan(self._blobs, tenant, digest))
        plan = self._last[1]
        wanted = plan.tiles[number]
        indexes = sorted({*wanted.left, *wanted.right})
        local = {index: position for position, index in enumerate(indexes)}
        documents = [plan.documents[index] for index in indexes]
        return TileInputs(
            spec=plan.spec.SerializeToString(deterministic=True),
            pairs=[(local[a], local[b]) for a, b in zip(wanted.left, wanted.right, strict=True)],
            digests=[document.extraction.sha256 for document in documents],
            traces=[document.traceparent for document in documents if document.traceparent],
            node=wanted.node,
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a tile is compared: the store, what earlier jobs left, the sandbox; for whom and how."""

    blobs: BlobStore
    priors: Priors
    sandbox: MessageSandbox
    tenant: str
    how: str


def compare_tile(bench: Bench, inputs: TileInputs, *, rollup: bool) -> Stored:
    """Compare those of a tile's pairs that are not known yet, in the sandbox, and store what is known of all.

    Errors: EXTRACTION_LOST, ENGINE_FAILED, STATE_STORE_UNAVAILABLE, and what the sandbox raises.
    """
    wanted = inputs.pair_digests
    known = bench.priors.find(bench.tenant, bench.how, inputs.node, wanted)
    rest = [at for at, pair in enumerate(wanted) if pair not in known]
    new = dict(zip(rest, _compared(bench, inputs.of(rest)) if rest else (), strict=True))
    made = compare_pb2.TileComparisons(
        comparisons=[new[at] if at in new else known[pair] for at, pair in enumerate(wanted)],
        pairs=b"".join(wanted),
    )
    data = made.SerializeToString(deterministic=True)
    compared = [c.status == compare_pb2.COMPARISON_STATUS_COMPARED for c in made.comparisons]
    summary = {
        "size": len(data),
        "pairs": len(wanted),
        "compared": sum(compared),
        "not_comparable": len(wanted) - sum(compared),
        "known": sum(done for at, done in enumerate(compared) if at not in new),
    }
    digest = bench.blobs.put(bench.tenant, data)
    bench.priors.keep(bench.tenant, bench.how, inputs.node, digest)
    return Stored(digest, summary, findings(made, rollup=rollup))


def _compared(bench: Bench, inputs: TileInputs) -> Sequence[compare_pb2.Comparison]:
    """Compare pairs in the sandbox."""
    header = {
        "spec": base64.b64encode(inputs.spec).decode(),
        "pairs": inputs.pairs,
        "digests": inputs.digests,
    }
    answer = _call(bench.blobs, bench.tenant, bench.sandbox, TILE, header, inputs.digests)
    made = compare_pb2.TileComparisons.FromString(answer)
    if len(made.comparisons) != len(inputs.pairs):
        raise CollatioError(Reason.ENGINE_FAILED, "The comparer answered for other pairs than asked.")
    return made.comparisons


def write_plan(
    blobs: BlobStore, tenant: str, sandbox: MessageSandbox, manifest: str, max_pairs: int
) -> Stored:
    """Make the plan of a manifest: from itself alone, or, where the texts are needed, by way of sketches.

    Errors: TOO_MANY_PAIRS, INVALID_REQUEST, EXTRACTION_LOST, and what the sandbox raises.
    """
    plan = read_plan(blobs, tenant, manifest)
    for document in plan.documents:
        summarize(blobs, tenant, document)
    entries = entries_from(plan.documents)
    asked = plan_from(plan.spec)
    if isinstance(asked, NearDuplicates | Versions):
        found = _find(plan, blobs, tenant, sandbox, max_pairs)
        made = plan_pairs(entries, [(a, b) for a, b in found["pairs"]], max_pairs)
        plan.candidates = found["method"]
        for members, evidence in found["families"]:
            plan.families.add(
                document_ids=[plan.documents[at].document_id for at in members], evidence=evidence
            )
    else:
        made = make_plan(entries, asked, max_pairs)
        plan.left_only.extend(made.left_only)
        plan.right_only.extend(made.right_only)
    for tile in made.tiles:
        plan.tiles.add(left=[p[0] for p in tile.pairs], right=[p[1] for p in tile.pairs], node=tile.node)
    data = plan.SerializeToString(deterministic=True)
    summary = {"size": len(data), "pairs": made.pair_count, "tiles": len(plan.tiles)}
    return Stored(blobs.put(tenant, data), summary)


def _find(
    plan: compare_pb2.ComparePlan, blobs: BlobStore, tenant: str, sandbox: MessageSandbox, max_pairs: int
) -> dict[str, Any]:
    """Sketch every document, some at a time, and find the pairs among the sketches."""
    spec = base64.b64encode(plan.spec.SerializeToString(deterministic=True)).decode()
    header = {"spec": spec, "max_pairs": max_pairs}
    digests = [document.extraction.sha256 for document in plan.documents]
    sketches: list[bytes] = []
    for start in range(0, len(digests), INPUTS_MAX):
        answer = _call(blobs, tenant, sandbox, SKETCHES, header, digests[start : start + INPUTS_MAX])
        sketches += [bytes(part) for part in split(answer)]
    with tempfile.NamedTemporaryFile() as gathered:
        gathered.write(join(sketches))
        gathered.flush()
        with open(gathered.name, "rb") as file:  # noqa: PTH123 - a second, read-only descriptor of the same file
            return dict(json.loads(sandbox.call(FIND, json.dumps(header).encode(), [file.fileno()])))


def _call(  # noqa: PLR0917 - each is one thing a call is made of
    blobs: BlobStore,
    tenant: str,
    sandbox: MessageSandbox,
    entry: str,
    header: dict[str, Any],
    digests: Sequence[str],
) -> bytes:
    """Call the sandbox with extractions as open files."""
    with ExitStack() as files:
        fds = [files.enter_context(open_extraction(blobs, tenant, digest)).fileno() for digest in digests]
        return sandbox.call(entry, json.dumps(header).encode(), fds)
